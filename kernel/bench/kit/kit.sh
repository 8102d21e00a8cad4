#!/usr/bin/env bash
# Measures this program on a machine with a GPU where nothing can be built or
# fetched, in less than ten minutes.
#
#   kit.sh pack FOLDER       where Go is: builds the command and the golden
#                            tests into FOLDER, and FOLDER.tar.gz
#   FOLDER/kit.sh run OUT    there: Linux x86-64, an NVIDIA driver, a Python
#                            with jax[cuda13] (active, or $VIRTUAL_ENV); with
#                            torch in it PyTorch is measured too
#   FOLDER/kit.sh rehearse OUT    anywhere with weights fetch xla-cpu: the same
#                            parts on the CPU, with small work
#
# Every part has a time limit of its own, which $KIT_LIMIT shortens, and what it found is in OUT as soon
# as it ends: results.json and results.md hold all parts so far.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

pack() {
  local root folder=$1
  root=$(cd "$here/../../.." && pwd)
  mkdir -p "$folder/srspace/ldm" "$folder/internal/golden/testdata"
  (cd "$root" && GOEXPERIMENT=simd go build -ldflags="-s -w" -o "$folder/trustsr" ./kernel &&
    go test -c -ldflags="-s -w" -o "$folder/ldm.test" ./srspace/ldm)
  cp "$root/go.mod" "$folder/"
  cp -r "$root/internal/golden/testdata/ldm" "$folder/internal/golden/testdata/"
  cp "$here/kit.sh" "$folder/"
  tar -czf "$folder.tar.gz" -C "$(dirname "$folder")" "$(basename "$folder")"
  echo "$folder.tar.gz: $(($(stat -c %s "$folder.tar.gz") >> 20)) MiB"
}

# part NAME SECONDS COMMAND… runs a part and writes what is known after it.
part() {
  local name=$1 limit=$2 began rc=0 state=done
  shift 2
  [ "${KIT_LIMIT:-$limit}" -ge "$limit" ] || limit=$KIT_LIMIT
  began=$(date +%s)
  timeout --kill-after=5 "$limit" "$@" >"$out/$name.log" 2>&1 || rc=$?
  case $rc in
    0) ;;
    124 | 137) state=cut ;;
    *) state=failed ;;
  esac
  local took=$(($(date +%s) - began))
  parts+=("{\"part\": \"$name\", \"state\": \"$state\", \"seconds\": $took, \"limit\": $limit, \"exit\": $rc}")
  rows+=("| $name | $state | $took | $limit |")
  echo "$name: $state after $took s"
  summary
}

summary() {
  local i report comma=
  {
    printf '{"parts": ['
    for i in "${!parts[@]}"; do printf '%s%s' "${comma}" "${parts[i]}" && comma=', '; done
    printf '],\n"reports": ['
    comma=
    for report in "$out"/*.report.json; do
      [ -e "$report" ] || continue
      printf '%s' "$comma" && cat "$report" && comma=', '
    done
    printf ']}\n'
  } >"$out/.results.json"
  {
    printf '| part | state | seconds | limit |\n| --- | --- | --- | --- |\n'
    printf '%s\n' "${rows[@]}"
    for report in "$out"/*.report.md; do
      [ -e "$report" ] || continue
      printf '\n' && cat "$report"
    done
  } >"$out/.results.md"
  mv "$out/.results.json" "$out/results.json"
  mv "$out/.results.md" "$out/results.md"
}

bench() { # NAME SECONDS OPTIONS…
  local name=$1 limit=$2
  shift 2
  part "$name" "$limit" "$here/trustsr" bench --backend "\"$backend\"" "${small[@]}" \
    --json "$out/$name.report.json" --markdown "$out/$name.report.md" "$@"
}

measure() { # LIBRARY BACKEND TESTS
  mkdir -p "$out"
  parts=() rows=()
  rm -f "$out"/*.report.json "$out"/*.report.md
  part plugin 40 "$here/trustsr" weights verify "$1"
  backend=$2
  part goldens 120 env -C "$here/srspace/ldm" "$here/ldm.test" -test.v -test.run "$3"
  bench gpu 160 --only gpu
  bench samples 110 --only gpu-samples
  bench pytorch 140 --only unet --vs-pytorch --python "${PYTHON:-python3}"
}

[ $# -eq 2 ] || { sed -n '2,/^set/{/^set/!p}' "$0" >&2; exit 2; }
mode=$1
case $mode in
  pack) pack "$(realpath -m "$2")" ;;
  run)
    out=$(realpath -m "$2") small=()
    measure xla-cuda "xla:cuda,tf32=false" '^Test(Blocks|UNet|FirstStage|DDIM|EndToEndTiles)$/^xla:cuda$'
    ;;
  rehearse)
    out=$(realpath -m "$2") small=(--quick --rehearse)
    measure xla-cpu xla:cpu '^TestBlocks$/^xla:cpu$'
    ;;
  *) echo "kit.sh: $mode: pack, run or rehearse" >&2 && exit 2 ;;
esac
