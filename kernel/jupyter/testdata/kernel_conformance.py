"""The published tests of a Jupyter kernel, package jupyter_kernel_test, with Go cells."""
import time
import unittest

import jupyter_kernel_test
from jupyter_kernel_test.msgspec_v5 import validate_message

jupyter_kernel_test.TIMEOUT = 120


class GoKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "trustsr"
    language_name = "go"
    file_extension = ".go"
    code_hello_world = '%%\nfmt.Println("hello, world")'
    code_stderr = '%%\nfmt.Fprintln(os.Stderr, "to stderr")'
    completion_samples = [{"text": "fmt.Print"}, {"text": ""}, {"text": "%%\né := strings.Rep"}]
    complete_code_samples = ["fmt.Println(1)", "func f() int { return 1 }", '%%\nfmt.Println("a")']
    incomplete_code_samples = ["func f() {", "x := []int{1,", "%%\nfor {"]
    invalid_code_samples = ["func func f", "x := := 1", "}"]
    code_generate_error = '%%\npanic("boom")'
    code_display_data = [
        {"code": 'import "github.com/janpfeifer/gonb/gonbui"\n%%\ngonbui.DisplayHTML("<b>hi</b>")', "mime": "text/html"},
        {"code": '%%\ngonbui.DisplayMarkdown("# hi")', "mime": "text/markdown"},
    ]
    # A Go cell has no value. The code gives the tests of history something to run.
    code_execute_result = [{"code": "%%\n6*7", "result": "42"}]
    code_history_pattern = "6*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "fmt.Println"
    code_page_something = "fmt.Println?"

    def test_execute_result(self):
        self.skipTest("a Go cell is statements: it has no value to show")

    def execute_helper(self, code, timeout=120, silent=False, store_history=True, stop_on_error=True):
        """Like the published one, and patient: it gives each message a tenth of a second."""
        msg_id = self.kc.execute(code=code, silent=silent, store_history=store_history, stop_on_error=stop_on_error)
        reply = self.get_non_kernel_info_reply(timeout=timeout)
        validate_message(reply, "execute_reply", msg_id)
        messages = []
        while not messages or messages[-1]["content"].get("execution_state") != "idle":
            messages.append(self.kc.get_iopub_msg(timeout=30))
            validate_message(messages[-1], messages[-1]["msg_type"], msg_id)
        self.assertEqual(messages[0]["content"].get("execution_state"), "busy")
        inputs = [m for m in messages if m["msg_type"] == "execute_input"]
        self.assertEqual([m["content"]["code"] for m in inputs], [] if silent else [code])
        return reply, [m for m in messages if m["msg_type"] not in ("status", "execute_input")]

    def test_silent(self):
        self.flush_channels()
        before, _ = self.execute_helper('%%\nfmt.Println("a")')
        silent, outputs = self.execute_helper('%%\nfmt.Println("b")', silent=True)
        after, _ = self.execute_helper('%%\nfmt.Println("c")')
        self.assertEqual(outputs, [])
        self.assertEqual(silent["content"]["status"], "ok")
        self.assertEqual(after["content"]["execution_count"], before["content"]["execution_count"] + 1)

    def test_input(self):
        self.flush_channels()
        msg_id = self.kc.execute('%%\nfmt.Print("your name? ")\nvar s string\nfmt.Scanln(&s)\nfmt.Println("hello", s)', allow_stdin=True)
        request = self.kc.get_stdin_msg(timeout=120)
        validate_message(request, "input_request", msg_id)
        self.assertEqual(request["content"]["prompt"], "your name? ")
        self.kc.input("Ada")
        reply = self.get_non_kernel_info_reply(timeout=60)
        self.assertEqual(reply["content"]["status"], "ok")
        text, state = "", ""
        while state != "idle":
            m = self.kc.get_iopub_msg(timeout=30)
            text += m["content"].get("text", "")
            state = m["content"].get("execution_state", "")
        self.assertIn("hello Ada", text)

    def test_comm_info(self):
        self.flush_channels()
        msg_id = self.kc.comm_info()
        reply = self.get_non_kernel_info_reply(timeout=30)
        validate_message(reply, "comm_info_reply", msg_id)

    def test_interrupt(self):
        self.flush_channels()
        self.kc.execute('import "time"\n%%\nfmt.Println("begun")\ntime.Sleep(time.Minute)')
        second = self.kc.execute('%%\nfmt.Println("second")')
        while self.kc.get_iopub_msg(timeout=120)["msg_type"] != "stream":
            pass
        began = time.time()
        self.km.interrupt_kernel()
        reply = self.get_non_kernel_info_reply(timeout=60)
        self.assertLess(time.time() - began, 5)
        self.assertEqual((reply["content"]["status"], reply["content"]["ename"]), ("error", "Interrupted"))
        reply = self.get_non_kernel_info_reply(timeout=60)
        self.assertEqual((reply["parent_header"]["msg_id"], reply["content"]["status"]), (second, "aborted"))

    def test_zz_restart(self):
        self.km.restart_kernel(now=False)
        self.kc.wait_for_ready(timeout=120)
        reply, _ = self.execute_helper('%%\nfmt.Println("after a restart")')
        self.assertEqual(reply["content"]["execution_count"], 1)

    def test_zzz_shutdown(self):
        self.kc.shutdown(restart=False)
        reply = self.kc.get_control_msg(timeout=20)
        self.assertEqual(reply["header"]["msg_type"], "shutdown_reply")
        for _ in range(100):
            if not self.km.is_alive():
                return
            time.sleep(0.1)
        self.fail("the kernel lives ten seconds after a shutdown")


if __name__ == "__main__":
    unittest.main(verbosity=2)
