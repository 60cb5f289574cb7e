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
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

need_rust() {
  command -v cargo >/dev/null 2>&1 || fail "Rust is missing. Install Rust 1.95 or newer (rustup), then start again."
  need make=build-essential cmake=cmake python3=python3
  # A compiler alone is not enough: it needs the C library to link with.
  echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null 2>/dev/null || need a-linker=build-essential
  python3 -m pip --version >/dev/null 2>&1 || need pip-is-missing=python3-pip
}

# Where data and models lie, unless told otherwise.
share="${XDG_DATA_HOME:-$HOME/.local/share}/switchboard"
export SWITCHBOARD_MODELS_DIR="${SWITCHBOARD_MODELS_DIR:-$share/models}"
