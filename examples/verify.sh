#!/bin/sh
# verify.sh AUDITFILE KEY.pem [SEQUENCE:HASH]
#
# Checks a chain of records (format 1) with coreutils, sed, grep and openssl, and nothing of the software that wrote it.
# KEY.pem is the audit verification key, taken from elsewhere than the file; "-" stands for none. It is a public key of
# P-256, of the DSA group of the suite fips140_1, or of ML-DSA-65, and the suite follows from it. For ML-DSA-65 OpenSSL
# 3.5 is needed: an older one leaves the signatures unchecked, and the verdict is INCOMPLETE.
# Where a record announces another key, the old one vouches for it and the new one signs the next record. KEY.pem may
# also be one that is only announced further on; then nobody checks the signatures up to there.
# SEQUENCE:HASH is the head that was noted at the audit before.
#
# Prints the verdict, what was covered, the length of the unsigned tail, and the first bad record with the reason.
# Exit status: 0 PASS, 1 FAIL, 2 INCOMPLETE, 3 usage.
#
# A last record by which another module closed the chain (chain-closed) need not be signed; that one's chain names it.
#
# What it checks: that a line is a record (its members in their order, UTF-8, well-formed JSON, whole numbers, no white
# space outside strings, at most 32 levels deep), that chain, module and sequence continue, that "previous" is the
# SHA-256 of the line before, that suite and key are the auditor's or were announced, that what must be signed is, that
# each signature is strict base64, in its one form (DER with low s, DER, or 3309 bytes) and verifies, and the head.
# What it does not: members that stand twice in one object, escapes of half a surrogate pair, and escapes inside the
# names "boot" and "interval".

set -eu
LC_ALL=C
export LC_ALL
TAB=$(printf '\t')
ZEROS=0000000000000000000000000000000000000000000000000000000000000000
# Half the order of P-256: of the two values of s that verify, a record carries the lower.
HALF_ORDER=7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8
# What a public key of ML-DSA-65 begins with in DER, and its length; the SHA-256 of the DSA group's algorithm and
# numbers.
ML_DSA_65=308207b2300b0609608648016503040312038207a100
ML_DSA_65_BYTES=1974
DSA_GROUP=1527cb32d144218b417d27a3ff719fc6ba7aadd01c57a7d7974cbc5b844cfc35
CHUNK=100

usage() {
    echo "verify.sh: $1" >&2
    echo "usage: verify.sh AUDITFILE KEY.pem|- [SEQUENCE:HASH]" >&2
    exit 3
}

broken() {
    echo "verify.sh: a tool failed; nothing was decided" >&2
    exit 3
}

[ $# -eq 2 ] || [ $# -eq 3 ] || usage "two or three arguments are needed"
[ -f "$1" ] && [ -r "$1" ] || usage "cannot read the audit file $1"
case $1 in /*) audit=$1 ;; *) audit=./$1 ;; esac
head_sequence= head_hash=
if [ $# -eq 3 ]; then
    case $3 in *[!0-9a-f:]*) usage "a head is SEQUENCE:HASH" ;; esac
    printf '%s\n' "$3" | grep -Eqx '[1-9][0-9]{0,15}:[0-9a-f]{64}' || usage "a head is SEQUENCE:HASH"
    head_sequence=${3%%:*} head_hash=${3#*:}
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 3' HUP INT TERM

# Writes the public key in the file $1 to $2, and to $2.der as its fingerprint is made of it; says its suite.
read_key() {
    sed -n '/^-----BEGIN PUBLIC KEY-----/,/^-----END PUBLIC KEY-----/p' "$1" | grep -v '^-----' |
        base64 -d >"$2.der" 2>/dev/null || return 1
    if [ "$(head -c 22 "$2.der" | od -An -v -tx1 | tr -d ' \n')" = $ML_DSA_65 ]; then
        [ "$(wc -c <"$2.der")" -eq $ML_DSA_65_BYTES ] || return 1
        cp "$1" "$2"
        echo post_quantum
    elif [ "$(tail -c +5 "$2.der" | head -c 304 | sha256sum | cut -c1-64)" = $DSA_GROUP ]; then
        openssl pkey -pubin -in "$1" -out "$2" 2>/dev/null || return 1
        openssl pkey -pubin -in "$2" -outform DER -out "$2.der" 2>/dev/null || return 1
        echo fips140_1
    else
        openssl ec -pubin -in "$1" -conv_form uncompressed -out "$2" 2>/dev/null || return 1
        openssl ec -pubin -in "$2" -noout -text 2>/dev/null | grep -q prime256v1 || return 1
        openssl ec -pubin -in "$2" -outform DER -out "$2.der" 2>/dev/null || return 1
        echo modern
    fi
}

given= given_suite= given_fingerprint=
if [ "$2" != - ]; then
    [ -f "$2" ] && [ -r "$2" ] || usage "cannot read the key $2"
    given=$work/given.pem
    given_suite=$(read_key "$2" "$given") || usage "$2 is not a public key of P-256, of the DSA group or of ML-DSA-65"
    given_fingerprint=$(sha256sum <"$given.der" | cut -c1-64)
fi

# --- A line of the file becomes: previous chain module sequence event suite key signed|unsigned boot|- interval|-
# ; or "bad".

string='"([^"\]|\\["\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
text_or_null="(null|$string)"
after_key=",\"software\":$string,\"command\":$string,\"user\":$text_or_null,\"role\":$text_or_null"
after_key="$after_key,\"state\":$string,\"persistent\":$string"
after_key="$after_key,\"at\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z\""
# The integers from 1 to 2^53 - 1 = 9007199254740991.
positive='[1-9][0-9]{0,14}|[1-8][0-9]{15}|900[0-6][0-9]{12}|90070[0-9]{11}|90071[0-8][0-9]{10}'
positive="$positive|900719[0-8][0-9]{9}|9007199[01][0-9]{8}|90071992[0-4][0-9]{7}|900719925[0-3][0-9]{6}"
positive="$positive|9007199254[0-6][0-9]{5}"
positive="$positive|90071992547[0-3][0-9]{4}|9007199254740[0-8][0-9]{2}|90071992547409[0-8][0-9]|900719925474099[01]"
after_key="$after_key,\"reason\":(0|$positive),\"data\":"
name='[a-z0-9]+(-[a-z0-9]+)*'
header="^\\{\"format\":1,\"previous\":\"[0-9a-f]{64}\",\"chain\":\"[0-9a-f]{32}\",\"module\":\"[0-9]{1,16}\""
header="$header,\"sequence\":($positive),\"event\":\"$name\",\"suite\":\"[a-z0-9_]+\""
header="$header,\"key\":\"[0-9a-f]{64}\"$after_key"

{
    # UTF-8 without control characters, then perhaps a TAB and base64.
    printf '/^(['
    printf ' -\177]|[\302-\337][\200-\277]|\340[\240-\277][\200-\277]|[\341-\354\356\357][\200-\277]{2}'
    printf '|\355[\200-\237][\200-\277]|\360[\220-\277][\200-\277]{2}|[\361-\363][\200-\277]{3}'
    printf '|\364[\200-\217][\200-\277]{2})*(%s[A-Za-z0-9+\/]+={0,2})?$/!b bad\n' "$TAB"
    printf '%s\n' "/$(printf '%s' "$header" | sed 's|/|\\/|g')\\{.*\\}(${TAB}.*)?\$/!b bad"
    printf 'h\ns/%s.*//\ns/%s//\ns/\\}$//\n' "$TAB" "$(printf '%s' "$header" | sed 's|/|\\/|g')"
    # What remains is data. Strings become S, numbers, true, false and null N, a true boot T, an interval I and its
    # digits; tr makes control characters of the four, which no line holds. Then from the inside out: an array or
    # object of values becomes a value.
    {
        cat <<'TOKENS'
s/\\(["\\\/bfnrt]|u[0-9a-fA-F]{4})/e/g
/\\/b bad
s/"boot":true/"":T/g
TOKENS
        printf 's/"interval":(%s)([,}])/"":I\\1\\2/g\ns/"[^"]*"/S/g\n' "$positive"
        # Twice, for two numbers in a list share the comma between them.
        printf 's/([,:[])(0|-?(%s))([],}])/\\1N\\4/g\n' "$positive" "$positive"
        cat <<'OUTER'
s/([,:[])(true|false|null)/\1N/g
/^\{.*\}$/!b bad
s/^\{(.*)\}$/\1/
OUTER
        level=2
        while [ $level -lt 32 ]; do
            cat <<'LEVEL'
s/\[(([SNT]|I[0-9]+)(,([SNT]|I[0-9]+))*)?\]/N/g
s/\{(S:([SNT]|I[0-9]+)(,S:([SNT]|I[0-9]+))*)?\}/N/g
LEVEL
            level=$((level + 1))
        done
        cat <<'FLAGS'
/^(S:([SNT]|I[0-9]+)(,S:([SNT]|I[0-9]+))*)?$/!b bad
/^(.*,)?S:T(,.*)?$/{
s/^/boot /
b interval
}
s/^/- /
:interval
/^[^ ]+ (.*,)?S:I[0-9]+(,.*)?$/{
s/^([^ ]+) (.*,)?S:I([0-9]+)(,.*)?$/\1 \3/
b flags
}
s/ .*/ -/
:flags
FLAGS
    } | tr SNTI '\001\002\003\004'
    printf 'G\n/\\n.*%s/{\ns/^/signed /\nb fields\n}\ns/^/unsigned /\n:fields\n' "$TAB"
    printf '%s' 's/^([^\n]*)\n\{"format":1,"previous":"([^"]*)","chain":"([^"]*)","module":"([^"]*)"'
    printf '%s' ',"sequence":([0-9]+),"event":"([^"]*)","suite":"([^"]*)","key":"([^"]*)".*$'
    printf '%s\n' '/\2 \3 \4 \5 \6 \7 \8 \1/' p d
    printf '%s\n' ':bad' 's/.*/bad/p' d
} >"$work/line.sed"

# --- Where the chain stands.

# What is in force: its suite, its fingerprint, its file if KEY.pem vouches for it, and whether openssl can use that.
suite= fingerprint= key= able=
# Whether the record before announced it, and up to which record nobody could check signatures.
behind= unheld=0
# Whether the record before is the mark by which another module closed the chain: nothing follows it.
closed=
chain= module= interval=0
first=0 sequence=0 hash=$ZEROS records=0 signatures=0 last_signed=0

report() {
    verdict=$1 bad_module=$2 bad_sequence=$3 reason=$4
    if [ -n "$given" ] && [ -z "$key" ] && [ "$first" -gt 0 ]; then # KEY.pem never came into force
        verdict=FAIL bad_module=$module bad_sequence=$first records=0 last_signed=0 sequence=0
        reason="its suite or key is not the auditor's, and no record announces that${reason:+ ($reason)}"
    fi
    echo "verdict: $verdict"
    echo "records: $records"
    [ "$records" -eq 0 ] || echo "range: $first to $sequence"
    echo "signatures: $signatures"
    # A signed record may be the bad one, for its hash: it ends the tail, and is not of it.
    tail=0
    [ "$records" -eq 0 ] || [ "$last_signed" -gt "$sequence" ] || tail=$((sequence - last_signed))
    echo "unsigned tail: $tail"
    [ -z "$bad_sequence" ] || echo "first bad: module ${bad_module:-unknown}, record $bad_sequence"
    [ -z "$reason" ] || echo "why: $reason"
    [ "$records" -eq 0 ] || echo "head: $sequence:$hash"
    case $verdict in PASS) exit 0 ;; FAIL) exit 1 ;; *) exit 2 ;; esac
}

unreadable() {
    report FAIL "$module" $((sequence + 1)) "$1"
}

# $1 is the file of the line. Strict base64: padded, nothing else in it, no stray bits.
signature_is_strict() {
    cut -f 2 <"$1" | tr -d '\n' >"$work/base64"
    [ "$(wc -c <"$work/base64")" -le 8192 ] || return 1
    base64 -d <"$work/base64" >"$work/signature" 2>/dev/null || return 1
    base64 <"$work/signature" | tr -d '\n' | cmp -s - "$work/base64"
}

# The signature that signature_is_strict decoded: in its one form (openssl itself demands strict DER), and it verifies.
signature_verifies() {
    cut -f 1 <"$1" | tr -d '\n' >"$work/body"
    case $suite in
    fips140_1) openssl dgst -sha1 -verify "$key" -signature "$work/signature" "$work/body" >/dev/null 2>&1 ;;
    post_quantum)
        openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/body" -sigfile "$work/signature" >/dev/null 2>&1
        ;;
    *) has_low_s && openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/body" >/dev/null 2>&1 ;;
    esac
}

has_low_s() {
    s=$(openssl asn1parse -inform DER -in "$work/signature" 2>/dev/null | sed -n '3s/.*INTEGER *:\([0-9A-F]*\)$/\1/p')
    s=$(printf '%64s' "$s" | tr ' ' 0)
    [ ${#s} -eq 64 ] && printf '%s\n' "$s" "$HALF_ORDER" | sort -c 2>/dev/null
}

begin() {
    if [ "$r_sequence" = 1 ] && [ "$r_previous" != $ZEROS ]; then
        report FAIL "$r_module" 1 "it names a record before the first"
    fi
    if [ "$head_sequence" = $((r_sequence - 1)) ] && [ "$r_previous" != "$head_hash" ]; then
        report FAIL "$r_module" "$head_sequence" "its hash is not that of the noted head"
    fi
    first=$r_sequence chain=$r_chain module=$r_module
    last_signed=$((first - 1))
    suite=$r_suite fingerprint=$r_key
    [ -z "$given" ] || [ "$suite $fingerprint" != "$given_suite $given_fingerprint" ] || hold "$given"
}

# Holds the key in the file $1 as the one in force, if this openssl can use it.
unable=
hold() {
    key=$1 able=yes
    openssl pkey -pubin -in "$key" -noout 2>/dev/null && return
    able= unable="$(openssl version | cut -d ' ' -f 1,2) cannot check ML-DSA-65, 3.5 can: signatures were not checked"
}

# $1 is the file of an announcement. Its data have one form, and the key in them has one.
announced='"data":\{("boot":true,)?"audit_key":"([^"]*)","fingerprint":"([0-9a-f]{64})","suite":"([a-z0-9_]+)"\}\}$'
hand_over() {
    cut -f 1 <"$1" >"$work/announcement"
    pem=$(sed -n -E "s|^.*,$announced|\\2|p" "$work/announcement")
    fingerprint=$(sed -n -E "s|^.*,$announced|\\3|p" "$work/announcement")
    suite=$(sed -n -E "s|^.*,$announced|\\4|p" "$work/announcement")
    if printf '%s\n' "$pem" | grep -Eqx -- '(([A-Za-z0-9+/= -]+)\\n)+'; then
        printf '%b' "$pem" >"$work/announced.pem"
    else
        : >"$work/announced.pem"
    fi
    next=$work/$r_sequence.pem
    if [ "$(read_key "$work/announced.pem" "$next")" != "$suite" ] ||
        ! is_in_one_form "$work/announced.pem" "$next.der" ||
        [ "$(sha256sum <"$next.der" | cut -c1-64)" != "$fingerprint" ]; then
        report FAIL "$r_module" "$r_sequence" "it announces no key that can be used, or not in the one form"
    fi
    if [ -n "$key" ]; then
        hold "$next"
    elif [ "$suite $fingerprint" = "$given_suite $given_fingerprint" ]; then
        hold "$next"
        unheld=$r_sequence
    fi
}

is_in_one_form() {
    {
        echo '-----BEGIN PUBLIC KEY-----'
        base64 -w 64 "$2"
        echo '-----END PUBLIC KEY-----'
    } | cmp -s - "$1"
}

check_place() {
    expected=$((sequence + 1))
    if [ "$r_chain $r_module" != "$chain $module" ]; then
        report FAIL "$r_module" "$r_sequence" "it belongs to another chain"
    fi
    if [ "$r_sequence" != $expected ]; then
        report FAIL "$r_module" "$r_sequence" "it stands where record $expected belongs"
    fi
    if [ -n "$closed" ]; then
        report FAIL "$r_module" "$r_sequence" "record $sequence closed the chain"
    fi
    if [ "$r_previous" != "$hash" ]; then
        report FAIL "$r_module" "$sequence" "it is not what record $expected says it was"
    fi
}

# $1 is the file of the line, the r_ variables are what sed found in it.
check_record() {
    [ "$r_signed" != signed ] || signature_is_strict "$1" || unreadable "the signature is not strict base64"
    if [ "$first" -eq 0 ]; then begin; else check_place; fi
    if [ "$r_suite $r_key" != "$suite $fingerprint" ]; then
        report FAIL "$r_module" "$r_sequence" "its suite or key is not the one in force"
    fi
    announces=
    [ "$r_event" != audit-key-created ] || announces=yes
    closed=
    [ "$r_event" != chain-closed ] || closed=yes
    if [ "$r_sequence" = 1 ]; then
        [ "$r_interval" != - ] || report FAIL "$r_module" 1 "it states no interval of signatures"
        interval=$r_interval
    fi
    if [ "$r_signed$closed" = unsigned ]; then
        if [ "$r_sequence" = 1 ] || [ "$r_boot" = boot ] || [ -n "$announces$behind" ] ||
            { [ "$interval" -gt 0 ] && [ $((r_sequence % interval)) -eq 0 ]; }; then
            report FAIL "$r_module" "$r_sequence" "it must be signed, and is not"
        fi
    elif [ "$r_signed" = signed ]; then
        if [ -n "$key" ] && [ -n "$able" ]; then
            signature_verifies "$1" || report FAIL "$r_module" "$r_sequence" "the signature does not verify"
            signatures=$((signatures + 1))
        fi
        last_signed=$r_sequence
    fi
    behind=$announces
    [ -z "$announces" ] || hand_over "$1"
    if [ "$r_sequence" = "$head_sequence" ] && [ "$r_hash" != "$head_hash" ]; then
        report FAIL "$r_module" "$r_sequence" "its hash is not that of the noted head"
    fi
    sequence=$r_sequence hash=$r_hash records=$((records + 1))
}

# $1 holds up to CHUNK whole lines. Each goes to a file of its own, without its newline, and one sha256sum reads all.
check_chunk() {
    rm -rf "$work/lines"
    mkdir "$work/lines"
    split -a 4 -l 1 "$1" "$work/lines/"
    truncate -s -1 "$work"/lines/*
    (cd "$work/lines" && sha256sum -- *) >"$work/hashes" || broken
    sed -n -E -f "$work/line.sed" "$1" >"$work/fields" || broken
    paste -d ' ' "$work/hashes" "$work/fields" >"$work/table"
    while read -r r_hash file r_previous r_chain r_module r_sequence r_event r_suite r_key r_flags; do
        r_signed=${r_flags%% *} r_boot=${r_flags#* } r_interval=${r_flags##* }
        r_boot=${r_boot%% *}
        [ "$r_previous" != bad ] || unreadable "the line is not a record of format 1"
        check_record "$work/lines/$file"
    done <"$work/table"
}

torn=
if [ -s "$audit" ] && [ "$(tail -c 1 "$audit" | od -An -tx1 | tr -d ' ')" != 0a ]; then
    torn=yes
    sed '$d' "$audit" >"$work/whole" || broken
    audit=$work/whole
fi
if [ -s "$audit" ]; then
    split -a 6 -l $CHUNK "$audit" "$work/chunk." || broken
    for chunk in "$work"/chunk.*; do
        check_chunk "$chunk"
        rm "$chunk"
    done
fi
[ -z "$torn" ] || unreadable "the last line has no end"

missing= unchecked=$first
head_met=
if [ -n "$head_sequence" ] && [ "$head_sequence" -le "$sequence" ] && [ "$head_sequence" -ge $((first - 1)) ]; then
    head_met=yes unchecked=$((head_sequence + 1))
fi
[ -n "$given" ] || missing="no key: signatures were not checked"
[ -z "$unable" ] || missing="${missing:+$missing; }$unable"
[ "$records" -gt 0 ] || missing="${missing:+$missing; }no records"
[ "$first" -le 1 ] || missing="${missing:+$missing; }the records before $first"
if [ "$unchecked" -le "$unheld" ]; then
    missing="${missing:+$missing; }a key for records $unchecked to $unheld: signatures there were not checked"
fi
if [ -n "$head_sequence" ] && [ -z "$head_met" ]; then
    missing="${missing:+$missing; }the noted head, record $head_sequence"
fi
if [ -n "$missing" ]; then report INCOMPLETE '' '' "$missing"; else report PASS '' '' ''; fi
