# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Steps that packaging/run, packaging/test, packaging/bundle and .ci/run share: system packages, LibTorch, configure,
# build. Sourced by bash, never run by itself. Every step prints one progress line and writes a log to build/logs.

set -euo pipefail

LIMN_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
LIMN_LOGS="$LIMN_ROOT/build/logs"
LIMN_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/limn"
LIMN_TORCH_VERSION=2.11.0
LIMN_TORCH_FOLDER="$LIMN_CACHE/libtorch-$LIMN_TORCH_VERSION"
# Paths inside the checkout count as relative, so that another checkout of the same files finds what is compiled already.
export CCACHE_BASEDIR="$LIMN_ROOT" CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros
LIMN_STEP=0
LIMN_STEPS=0

say() { printf '%s\n' "$*"; }
fail() {
    printf 'limn: %s\n' "$*" >&2
    exit 1
}

# One compiler needs up to about 2 GB (LibTorch, ITK and VTK headers).
limn_jobs() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemTotal/ { print int($2 / 2000000) }' /proc/meminfo)
    local jobs=$((memory < cores ? memory : cores))
    echo $((jobs < 1 ? 1 : jobs))
}

# note_command COMMAND...: the command that a failing step shows, as a line that a person can type again.
note_command() {
    local line
    printf -v line ' %q' "$@"
    say "${line:1}" >"$LIMN_STEP_COMMAND"
}

# step_command COMMAND...: what a function that is a step runs its commands with.
step_command() {
    note_command "$@"
    "$@"
}

# run_step TITLE LOG ADVICE COMMAND...: runs the command (or function, see step_command) with its output in
# build/logs/LOG.log and shows one progress line.
run_step() {
    local title="$1" log="$LIMN_LOGS/$2.log" advice="$3"
    LIMN_STEP_COMMAND="$LIMN_LOGS/$2.command"
    shift 3
    LIMN_STEP=$((LIMN_STEP + 1))
    local head="[$LIMN_STEP/$LIMN_STEPS] $title"
    local begin=$SECONDS status=0 ticker=""
    mkdir -p "$LIMN_LOGS"
    : >"$log"
    note_command "$@"
    if [ -t 1 ]; then
        (
            while sleep 1; do
                printf '\r\033[K%s ... %d s  %s' "$head" $((SECONDS - begin)) \
                    "$(tail -c 400 "$log" | tr '\r' '\n' | tail -n 1 | tr -cd '[:print:]' | cut -c1-50)"
            done
        ) &
        ticker=$!
        printf '%s ...' "$head"
    else
        say "$head ..."
    fi
    # Not `|| status=$?`: that would switch off -e inside the step.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1 </dev/null
    status=$?
    set -e
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K'
    fi
    if [ $status -ne 0 ]; then
        {
            say "$head: failed after $((SECONDS - begin)) s (exit code $status)"
            say "  command:    $(cat "$LIMN_STEP_COMMAND")"
            say "  log:        $log"
            # What failed first may lie far above: other work was still running then.
            head -n -30 "$log" | grep -n -m 1 -iE '(^|[ :])error( |:)' |
                sed -E 's/^([0-9]+):(.{0,300}).*/  first error (line \1): \2/' || true
            say "  last lines:"
            tail -n 30 "$log" | sed -E 's/^(.{300}).+/\1 .../; s/^/    | /'
            say "  what to do: $advice"
        } >&2
        exit 1
    fi
    if [ -t 1 ]; then
        say "$head: done in $((SECONDS - begin)) s"
    else
        say "      done in $((SECONDS - begin)) s"
    fi
}

# --- System packages -------------------------------------------------------------------------------------------

# limn_package_lines SECTION...: the lines of these sections of packages.txt.
limn_package_lines() {
    awk -v wanted=" $* " '
        /^#/ || /^[[:space:]]*$/ { next }
        /^\[/ { gsub(/[][]/, ""); on = index(wanted, " " $0 " ") > 0; next }
        on { print }' "$LIMN_ROOT/packaging/packages.txt"
}

# limn_missing_packages SECTION...: one name for every line of which no alternative is installed, nor provided by an
# installed package of another name (Ubuntu's qt6-base-dev holds Debian's libqt6opengl6-dev).
limn_missing_packages() {
    local lines installed
    lines=$(limn_package_lines "$@")
    # shellcheck disable=SC2086
    installed=" $(dpkg-query -W -f='${Package} ${db:Status-Status} ' ${lines//|/ } 2>/dev/null || true)"
    local line name found provided=""
    while IFS= read -r line; do
        found=""
        for name in ${line//|/ }; do
            [[ "$installed" == *" $name installed "* ]] && found=yes
        done
        if [ -z "$found" ]; then
            [ -n "$provided" ] ||
                provided=" $(dpkg-query -W -f='${db:Status-Status} ${Provides}\n' 2>/dev/null |
                    sed -n 's/^installed //p' | tr ',\n' '  ') "
            for name in ${line//|/ }; do
                [[ "$provided" == *" $name "* ]] && found=yes
            done
        fi
        [ -n "$found" ] && continue
        # Of alternatives the first one that this system offers; before the first `apt-get update` none is known.
        if [[ "$line" == *"|"* ]]; then
            for name in ${line//|/ }; do
                if apt-cache policy "$name" 2>/dev/null | grep -q 'Candidate: [^(]'; then
                    found=$name
                    break
                fi
            done
        fi
        [ -n "$found" ] || found=${line%%|*}
        echo "${found// /}"
    done <<<"$lines"
}

LIMN_AS_ROOT=()
[ "$(id -u)" -eq 0 ] || LIMN_AS_ROOT=(sudo)

limn_apt_install() {
    step_command "${LIMN_AS_ROOT[@]}" apt-get update
    # After the update, alternatives can be told apart.
    local missing
    mapfile -t missing < <(limn_missing_packages "$@")
    step_command "${LIMN_AS_ROOT[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
}

# --- LibTorch --------------------------------------------------------------------------------------------------

limn_have_gpu() { [ -e /proc/driver/nvidia/version ] || nvidia-smi -L >/dev/null 2>&1; }
limn_have_nvcc() { command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; }

# Which part of LibTorch this machine needs: cpu, build (the CUDA library is built, but cannot run here) or gpu.
limn_torch_part() {
    if limn_have_gpu; then
        echo gpu
    elif limn_have_nvcc; then
        echo build
    else
        echo cpu
    fi
}

# Whether the folder in the cache holds the part: the unpacked folder is renamed into place only when complete.
limn_torch_holds() {
    local root="$LIMN_TORCH_FOLDER"
    [ -e "$root/torch/lib/libtorch_cpu.so" ] && [ -e "$root/torch/lib/libc10.so" ] &&
        [ -e "$root/torch/include/torch/csrc/api/include/torch/torch.h" ] &&
        [ -e "$root/nvidia/cu13/lib/libcudart.so.13" ] && [ -e "$root/nvidia/cu13/lib/libcupti.so.13" ] || return 1
    [ "$1" = cpu ] || [ -e "$root/torch/lib/libtorch_cuda.so" ] || return 1
    [ "$1" != gpu ] || [ -e "$root/nvidia/cudnn/lib/libcudnn.so.9" ]
}

# Downloads the pinned wheels with pip (which checks their SHA-256) and unpacks them beside the final place.
limn_fetch_torch() {
    local part="$1" wheels="$LIMN_CACHE/wheels" fresh
    step_command mkdir -p "$wheels"
    exec 9>"$LIMN_CACHE/lock"
    flock 9 # a second call waits here, and then finds the work done
    if limn_torch_holds "$part"; then
        say "Another call has brought it meanwhile."
        return 0
    fi
    rm -rf "$LIMN_CACHE"/.unpack.* "$LIMN_CACHE"/.old.*
    local platforms=() platform requirements=(-r "$LIMN_ROOT/packaging/libtorch-cpu.txt")
    # Those that the pinned wheels are made for; the last one stands for all older ones.
    for platform in manylinux_2_28 manylinux_2_27 manylinux_2_25 manylinux_2_18 manylinux2014; do
        platforms+=(--platform "${platform}_x86_64")
    done
    [ "$part" != gpu ] || requirements+=(-r "$LIMN_ROOT/packaging/libtorch-gpu.txt")
    local python=python3
    "$python" -m pip --version >/dev/null 2>&1 || python=/usr/bin/python3
    step_command "$python" -m pip download --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
        --python-version 311 --implementation cp --abi cp311 "${platforms[@]}" --dest "$wheels" "${requirements[@]}"
    fresh=$(mktemp -d "$LIMN_CACHE/.unpack.XXXXXX")
    step_command "$python" "$LIMN_ROOT/packaging/unpack_libtorch.py" "$wheels" "$fresh" "$part"
    sync -f "$fresh"
    chmod 755 "$fresh"
    if [ -e "$LIMN_TORCH_FOLDER" ]; then
        mv "$LIMN_TORCH_FOLDER" "$LIMN_CACHE/.old.$$"
    fi
    mv "$fresh" "$LIMN_TORCH_FOLDER"
    rm -rf "$LIMN_CACHE/.old.$$" "$wheels"
    limn_torch_holds "$part" || fail "the unpacked LibTorch in $LIMN_TORCH_FOLDER is not complete."
}

# --- Set-up, configure, build ----------------------------------------------------------------------------------

# limn_prepare SECTION...: says what is missing, brings it. With LIMN_NO_INSTALL=yes it lists and ends the script.
limn_prepare() {
    local missing=() part size=""
    if command -v apt-get >/dev/null; then
        mapfile -t missing < <(limn_missing_packages "$@")
    else
        say "This system has no apt-get: the libraries that packaging/packages.txt lists must be there already."
    fi
    if [ -n "${LIMN_TORCH_DIR:-}" ]; then
        local file
        for file in lib/libtorch_cpu.so include/torch/csrc/api/include/torch/torch.h; do
            [ -e "$LIMN_TORCH_DIR/$file" ] ||
                fail "LIMN_TORCH_DIR is $LIMN_TORCH_DIR, but there is no $file in it. Give the folder that holds LibTorch's include/ and lib/, or unset it."
        done
    else
        part=$(limn_torch_part)
        if ! limn_torch_holds "$part"; then
            [ "$(uname -m)" = x86_64 ] ||
                fail "LibTorch is fetched for x86-64 alone; build LibTorch $LIMN_TORCH_VERSION and set LIMN_TORCH_DIR to its folder."
            size="0.55 GB"
            [ "$part" != gpu ] || size="2.5 GB"
        fi
    fi
    if [ ${#missing[@]} -gt 0 ]; then
        say "System packages to install (apt): ${missing[*]}"
    fi
    if [ -n "$size" ]; then
        say "To download (about $size): LibTorch $LIMN_TORCH_VERSION into $LIMN_TORCH_FOLDER"
    fi
    if [ "${LIMN_NO_INSTALL:-}" = yes ]; then
        if [ ${#missing[@]} -eq 0 ] && [ -z "$size" ]; then
            say "Nothing is missing."
        fi
        exit 0
    fi
    LIMN_STEPS=$((LIMN_STEPS + (${#missing[@]} > 0) + (${#size} > 0)))
    if [ ${#missing[@]} -gt 0 ]; then
        if [ "$(id -u)" -ne 0 ]; then
            command -v sudo >/dev/null ||
                fail "system packages are missing and there is no sudo here. As root, run: apt-get install ${missing[*]}"
            sudo -v || fail "without root rights the packages above cannot be installed; ask an administrator for them."
        fi
        run_step "Installing ${#missing[@]} system packages" packages \
            "read the log; often another apt is running (wait for it) or the network is down (call this again)." \
            limn_apt_install "$@"
    fi
    if [ -n "$size" ]; then
        run_step "Fetching LibTorch $LIMN_TORCH_VERSION ($part)" libtorch \
            "check the network and the free space in $LIMN_CACHE, then call this again; or set LIMN_TORCH_DIR to a LibTorch $LIMN_TORCH_VERSION." \
            limn_fetch_torch "$part"
    fi
}

# What limn_configure would configure with; a file in the build folder keeps it.
limn_configuration() {
    shift
    printf '%s' "${*:-none} ${LIMN_TORCH_DIR:-} ${XDG_CACHE_HOME:-} $(limn_torch_part)"
}

# limn_is_configured PRESET [CMAKE-OPTION...]
limn_is_configured() {
    local folder="$LIMN_ROOT/build/$1"
    [ -e "$folder/build.ninja" ] && [ -e "$folder/.limn-options" ] &&
        [ "$(cat "$folder/.limn-options")" = "$(limn_configuration "$@")" ]
}

# limn_configure PRESET [CMAKE-OPTION...]: only when something changed since the last time; ninja notices changed CMake files.
limn_configure() {
    limn_is_configured "$@" && return 0
    local preset="$1" folder="$LIMN_ROOT/build/$1" wanted fresh=()
    wanted=$(limn_configuration "$@")
    shift
    # Options of an earlier call must not live on in the cache.
    [ ! -e "$folder/CMakeCache.txt" ] || fresh=(-U 'LIMN_*' -U 'LimnTorch_*')
    run_step "Configuring ($preset)" "configure-$preset" \
        "the first error names what CMake did not find; if build/$preset is from an older version, remove that folder and call this again." \
        cmake -S "$LIMN_ROOT" --preset "$preset" "${fresh[@]}" "$@" ${LIMN_TORCH_DIR:+"-DLIMN_TORCH_DIR=$LIMN_TORCH_DIR"}
    printf '%s' "$wanted" >"$folder/.limn-options"
}

# limn_build PRESET TITLE [TARGET...]: everything, or these targets.
limn_build() {
    local preset="$1" title="$2" targets=()
    shift 2
    [ $# -eq 0 ] || targets=(--target "$@")
    run_step "$title" "build-$preset" \
        "the first 'error:' in the log says what is wrong; if memory ran out, set LIMN_JOBS=1 and call this again." \
        cmake --build "$LIMN_ROOT/build/$preset" -j "${LIMN_JOBS:-$(limn_jobs)}" "${targets[@]}"
}

# What programs of the presets asan and tsan need in their environment: any finding ends them with an error.
limn_sanitizer_settings() {
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:suppressions=$LIMN_ROOT/packaging/ubsan.supp"
    export LSAN_OPTIONS="suppressions=$LIMN_ROOT/packaging/lsan.supp:print_suppressions=0"
    export TSAN_OPTIONS="suppressions=$LIMN_ROOT/packaging/tsan.supp:second_deadlock_stack=1"
    export QT_QPA_PLATFORM=offscreen
}

# --- A display for window tests --------------------------------------------------------------------------------

LIMN_XVFB=""
limn_stop_display() {
    if [ -n "$LIMN_XVFB" ]; then
        kill "$LIMN_XVFB" 2>/dev/null || true
    fi
}

# Starts Xvfb on a free display number and sets DISPLAY; it ends with the script. Rendering is Mesa's software one.
limn_start_display() {
    local pipe number
    pipe=$(mktemp -u)
    mkfifo "$pipe"
    Xvfb -displayfd 3 -screen 0 1920x1200x24 -nolisten tcp 3>"$pipe" >"$LIMN_LOGS/xvfb.log" 2>&1 &
    LIMN_XVFB=$!
    trap limn_stop_display EXIT
    # Xvfb writes the number when it is ready; when it dies, the pipe closes and read gives nothing.
    number=""
    read -r -t 60 number <"$pipe" || true
    rm -f "$pipe"
    [ -n "$number" ] || fail "Xvfb did not start; see $LIMN_LOGS/xvfb.log."
    export DISPLAY=":$number" LIBGL_ALWAYS_SOFTWARE=1 QT_QPA_PLATFORM=xcb
    unset WAYLAND_DISPLAY
}
