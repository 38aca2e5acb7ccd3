#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The cedar verbs from outside: answers, exit codes, and where errors point.
weir=$(realpath "$1") || exit 2
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
failed=0

# expect NAME EXIT OUTPUT COMMAND...: output is stdout and stderr together.
expect() {
    name=$1 code=$2 wanted=$3
    shift 3
    got=$("$@" 2>&1)
    is=$?
    if [ "$is" -ne "$code" ] || [ "$got" != "$wanted" ]; then
        printf '%s: exit %s, expected %s\n%s\n--- expected\n%s\n' \
            "$name" "$is" "$code" "$got" "$wanted"
        failed=1
    fi
}

cat > p.cedar <<'EOF'
// who may read
permit(principal in Group::"staff", action == Action::"read", resource);
forbid(principal,action,resource) when { resource.secret && !principal.cleared };
permit(principal, action, resource) when { resource.owner == principal };
EOF
cat > s.cedarschema <<'EOF'
entity Group;
entity User in Group { cleared: Bool };
entity File { secret: Bool, owner: User };
action read, write appliesTo { principal: User, resource: File };
EOF
cat > e.entities.json <<'EOF'
[{"uid": {"type": "User", "id": "ann"}, "attrs": {"cleared": false},
  "parents": [{"type": "Group", "id": "staff"}]},
 {"uid": {"type": "File", "id": "plan"},
  "attrs": {"secret": false, "owner": {"type": "User", "id": "bob"}}, "parents": []},
 {"uid": {"type": "File", "id": "code"},
  "attrs": {"secret": true, "owner": {"type": "User", "id": "ann"}}, "parents": []}]
EOF
request() {
    printf '{"principal":{"type":"User","id":"%s"},"action":{"type":"Action","id":"%s"},"resource":{"type":"File","id":"%s"},"context":{}}' "$1" "$2" "$3"
}
request ann read plan > allow.json
request ann read code > deny.json
request eve read code > absent.json
request ann shred code > unknown.json
all="--policies p.cedar --schema s.cedarschema --entities e.entities.json --request"

expect "authorize allows" 0 '{"decision":"allow","reasons":["policy0"],"errors":[]}' \
    "$weir" cedar authorize $all allow.json
expect "authorize denies" 1 '{"decision":"deny","reasons":["policy1"],"errors":[]}' \
    "$weir" cedar authorize $all deny.json
expect "authorize names what failed" 1 '{"decision":"deny","reasons":[],"errors":["policy1"]}' \
    "$weir" cedar authorize $all absent.json
expect "authorize refuses what the schema does not know" 18 \
    'unknown.json: the action is not declared' \
    "$weir" cedar authorize $all unknown.json
expect "validate passes" 0 '3 policies, 0 errors, 0 warnings' \
    "$weir" cedar validate --policies p.cedar --schema s.cedarschema
expect "check passes" 0 '' \
    "$weir" cedar check p.cedar s.cedarschema e.entities.json --schema s.cedarschema

printf 'permit(principal,action,resource)\nwhen { resource.ownr == principal };\n' > bad.cedar
expect "validate points at the attribute" 1 "bad.cedar:2:8: File has no attribute ownr (policy0)
  when { resource.ownr == principal };
         ^
1 policies, 1 errors, 0 warnings" \
    "$weir" cedar validate --policies bad.cedar --schema s.cedarschema
printf 'permit(principal,action,resource)\nwhen { 1 + };\n' > worse.cedar
"$weir" cedar check worse.cedar 2> err
expect "check points at the token" 4 "$(cat err)" "$weir" cedar check worse.cedar
[ "$(head -n 1 err | cut -d: -f1-3)" = "worse.cedar:2:12" ] || { cat err; failed=1; }
[ "$(sed -n 3p err)" = "             ^" ] || { cat err; failed=1; }

expect "usage" 2 "" sh -c "'$weir' cedar authorize 2> /dev/null"
expect "format keeps comments" 0 '// who may read
permit (
  principal in Group::"staff",
  action == Action::"read",
  resource
);

forbid (
  principal,
  action,
  resource
)
when {
  resource.secret && !principal.cleared
};

permit (
  principal,
  action,
  resource
)
when {
  resource.owner == principal
};' "$weir" cedar format p.cedar
"$weir" cedar format p.cedar > once.cedar
expect "format twice is format once" 0 '' "$weir" cedar format --check once.cedar
expect "format --check names what would change" 1 'p.cedar' "$weir" cedar format --check p.cedar

# Text, JSON and text again: the same decisions.
"$weir" cedar translate --to json p.cedar > p.json || failed=1
"$weir" cedar translate --to json s.cedarschema > s.cedarschema.json || failed=1
"$weir" cedar translate --to text s.cedarschema.json > t.cedarschema || failed=1
expect "decides alike from JSON" 0 '{"decision":"allow","reasons":["policy0"],"errors":[]}' \
    "$weir" cedar authorize --policies p.json --schema s.cedarschema.json \
    --entities e.entities.json --request allow.json
"$weir" cedar translate --to json t.cedarschema | sed 's/__cedar:://g' > u.json
expect "a schema comes back" 0 '' cmp u.json s.cedarschema.json
exit $failed
