# Sourced by ./demo and ./check: puts a machine in order. Everything said goes to standard error, because standard
# output belongs to the program (`./demo` prints its ready line there).

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() {
  printf '\033[1;31merror:\033[0m %s\n' "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# Packages still to be installed; filled by the needs_... functions below.
missing=()

needs_command() { # COMMAND PACKAGE...
  has "$1" || missing+=("${@:2}")
}

needs_file() { # FILE PACKAGE...
  [[ -e $1 ]] || missing+=("${@:2}")
}

needs_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || has initdb || missing+=(postgresql)
}

# The `ring` crate compiles C.
needs_c_compiler() {
  needs_command cc gcc
  needs_file /usr/include/stdio.h libc6-dev
  needs_file /etc/ssl/certs/ca-certificates.crt ca-certificates
}

# Finds a tool of cargo's, else builds it, once, for this checkout alone. Unoptimised: it runs for seconds.
cargo_tool() { # NAME VERSION
  local tools=${CARGO_TARGET_DIR:-$root/target}/tools
  export PATH=$tools/bin:$PATH
  has "$1" || {
    say "Building $1 $2"
    cargo install --quiet --debug --locked --root "$tools" "$1@$2"
  }
}

install_missing() {
  ((${#missing[@]})) || return 0
  has apt-get || fail "missing: ${missing[*]}. This is no Debian or Ubuntu: install them by other means, then run again."
  say "Installing by apt: ${missing[*]}"
  local install=("$root/scripts/apt-install" "${missing[@]}")
  if ((EUID == 0)); then
    "${install[@]}" >&2
  elif has sudo; then
    sudo "${install[@]}" >&2
  else
    fail "neither root nor sudo: run this as root, then run again:  ${install[*]}"
  fi
  missing=()
}

# Finds a Rust toolchain that is new enough; rustup's directory counts even when it is not in PATH.
find_rust() {
  local needed found='' dir
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)
  for dir in '' "${CARGO_HOME:-$HOME/.cargo}/bin"; do
    [[ -z $dir || -x $dir/cargo ]] || continue
    local path=${dir:+$dir:}$PATH version
    version=$(cd "$root" && PATH=$path rustc --version 2>/dev/null | cut -d ' ' -f 2) || continue
    (cd "$root" && PATH=$path cargo --version >/dev/null 2>&1) || continue
    found=$version
    if [[ $(printf '%s\n' "$needed" "$version" | sort -V | head -n 1) == "$needed" ]]; then
      export PATH=$path
      return
    fi
  done
  if [[ -n $found ]]; then
    fail "Rust $found is too old, $needed or newer is needed. With rustup: rustup update stable
       Without it: install rustup from https://rustup.rs (Debian's own rustc is too old)"
  fi
  fail "Rust $needed or newer is needed, and cargo was not found. Install it with:
       curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"
}
