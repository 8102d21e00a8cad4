"""Parameters of Go notebooks for papermill: Go constants.

    pip install ./kernel/jupyter/papermill-go
    papermill in.ipynb out.ipynb -p digit 65 -p steps 20
"""
import json

from papermill.engines import NBClientEngine
from papermill.exceptions import PapermillException
from papermill.translators import Translator, papermill_translators


class GoTranslator(Translator):
    """Writes numbers, text and yes or no as Go constants."""

    @classmethod
    def translate_str(cls, val):
        return json.dumps(val, ensure_ascii=False)  # JSON's escapes are Go's

    @classmethod
    def translate_none(cls, val):
        raise PapermillException("a Go constant cannot be None")

    @classmethod
    def translate_dict(cls, val):
        raise PapermillException("a Go constant cannot be a table of values")

    translate_list = translate_dict

    @classmethod
    def comment(cls, cmt_str):
        return f"// {cmt_str}"

    @classmethod
    def assign(cls, name, str_val):
        return f"const {name} = {str_val}"


papermill_translators.register("go", GoTranslator)


class Engine(NBClientEngine):
    """papermill's own engine; its name is how papermill finds this module."""
