# Shared by the scripts beside it: saying what is done, and installing what is missing on a bare Debian.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() { printf '\n\033[1;31m%s\033[0m\n' "$*" >&2; exit 1; }

# need COMMAND=PACKAGE …: installs the Debian packages of the commands that are missing.
need() {
  local missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair##*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  say "Installing ${missing[*]}"
  command -v apt-get >/dev/null 2>&1 || fail "These are missing: ${missing[*]}. Install them and start again."
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "Installing needs root. Run: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  # Servers among them are run by the tests, on ports of their own: none is started as the machine's.
  "${as_root[@]}" sh -ec '
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
      trap "rm -f $policy" EXIT
      printf "#!/bin/sh\nexit 101\n" >"$policy"
      chmod 755 "$policy"
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  ' sh "${missing[@]}"
}

need_rust() {
  command -v cargo >/dev/null 2>&1 || fail "Rust is missing. Install Rust 1.95 or newer (rustup), then start again."
  need make=build-essential cmake=cmake python3=python3
  # A compiler alone is not enough: it needs the C library to link with.
  echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null 2>/dev/null || need a-linker=build-essential
  python3 -m pip --version >/dev/null 2>&1 || need pip-is-missing=python3-pip
}

# Whether a version ("v20.19.2") can build the console.
builds_console() {
  local major minor
  IFS=. read -r major minor _ <<<"${1#v}"
  [ "${major:-0}" -gt 20 ] 2>/dev/null || { [ "${major:-0}" = 20 ] && [ "${minor:-0}" -ge 19 ]; } 2>/dev/null
}

# want_node: true where the console can be built, with Node from Debian if that is new enough. Without it everything
# but the console works, so that nothing ends here.
want_node() {
  if ! command -v node >/dev/null 2>&1 && command -v apt-cache >/dev/null 2>&1; then
    local offered
    offered="$(apt-cache policy nodejs 2>/dev/null | sed -n 's/^ *Candidate: \([0-9.]*\).*/\1/p')"
    builds_console "$offered" && need node=nodejs npm=npm
  fi
  command -v npm >/dev/null 2>&1 && builds_console "$(node --version 2>/dev/null)" && return 0
  say "The console is left out: it needs Node 20.19 or newer with npm, and here is $(node --version 2>/dev/null || echo none)"
  echo "Calls, messages and the API work without it. Install Node and start again to have it."
  return 1
}

# Where data and models lie, unless told otherwise.
share="${XDG_DATA_HOME:-$HOME/.local/share}/switchboard"
export SWITCHBOARD_MODELS_DIR="${SWITCHBOARD_MODELS_DIR:-$share/models}"
