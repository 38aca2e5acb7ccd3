#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/recipes/prove.md, run: the change, the counterexample, which the
# evaluator confirms once more from its JSON, the fix, the proof. Then the
# published analysis policies, and a second solver where there is one.
weir=$(realpath "$1") || exit 2
demo=$(realpath "$2") || exit 2
schema=$(realpath "$3") || exit 2
data=${WEIR_DATA:-$(dirname "$schema")/../../shared/data}
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cp -r "$demo" "$folder/old" && cp -r "$demo" "$folder/new"
cd "$folder" || exit 2
failed=0
promise="no organisation majority-owned from polar places reaches aurora models"
say() { echo "$1"; failed=1; }

"$weir" prove --policies old > out 2>&1
code=$?
if grep -q 'built without a solver' out; then
    echo "SKIPPED: this weir was built without a solver"
    exit 77
fi
[ $code = 0 ] || { cat out; say "the promises of the demonstration do not hold"; }
grep -q "^$promise: proven" out || say "the flagship is not proven"

# narrowed: the first forbid of aurora gets a condition
awk '!done && /^\);$/ { print ") when { resource.model.tier == \"frontier\" };"; done = 1; next } { print }' \
    old/providers/aurora/ownership.cedar > new/providers/aurora/ownership.cedar
"$weir" prove --policies new > out 2>&1
[ $? = 1 ] || say "the narrowed rule keeps its promise"
grep -q "^$promise: counterexample" out || { cat out; say "no counterexample"; }

"$weir" prove --json --policies new --claim 'always denies' \
    --assume 'principal in principal.organization' \
    --assume 'resource in resource.model' \
    --assume 'principal.organization in OwnershipRule::"polar-majority"' \
    --assume 'resource.model in Provider::"aurora"' > found.json
python3 - <<'PY'
import json
found = json.load(open('found.json'))['counterexample']
json.dump(found['request'], open('request.json', 'w'))
json.dump(found['entities'], open('c.entities.json', 'w'))
PY
cat $(find new -name '*.cedar' ! -path '*law*') > new.cedar
cat $(find old -name '*.cedar' ! -path '*law*') > old.cedar
ask="--schema $schema --entities c.entities.json --request request.json"
"$weir" cedar authorize --policies new.cedar $ask > /dev/null || say "not allowed by the new"
"$weir" cedar authorize --policies old.cedar $ask > /dev/null && say "allowed by the old"

"$weir" prove --policies old --diff new > out 2>&1
[ $? = 1 ] || say "no difference found"
grep -q 'never the other denies what this allows' out || { cat out; say "the diff"; }

cat > shadow.cedar <<'EOF'
@id("wide") permit(principal, action in Action::"infer", resource);
@id("narrow") permit(principal, action in Action::"infer", resource) when { principal.purpose == "x" };
@id("stop") forbid(principal, action, resource) when { principal.purpose == "y" };
@id("stop-too") forbid(principal, action, resource) when { principal.purpose == "y" && context.is_streamed };
@id("empty") forbid(principal, action, resource) when { principal.purpose == "y" && principal.purpose == "z" };
EOF
"$weir" prove -p shadow.cedar --claim 'no shadowed policies' > out
[ $? = 1 ] && [ "$(grep -c '^  ' out)" = 3 ] &&
    grep -q '^  narrow changes no decision: shadowed by wide$' out &&
    grep -q '^  stop-too changes no decision: shadowed by stop$' out &&
    grep -q '^  empty changes no decision: nothing that it forbids is permitted$' out ||
    { cat out; say "who shadows whom"; }
"$weir" prove --json -p shadow.cedar --claim 'no dead policies' > out
[ "$(cat out)" = '{"policy":"empty","is":"dead"}' ] || { cat out; say "what is dead"; }

printf 'name "x";\nassume 1 +;\nclaim always denies;\n' > bad.prove
"$weir" prove --policies old bad.prove 2> err
[ $? = 4 ] && grep -q '^bad.prove:2:' err || { cat err; say "a bad file"; }

# What docs/measured is about: worlds that bench/cedar makes fit the schema, and
# the flagship holds over 500 policies.
world=$(dirname "$schema")/../bench/cedar/world.py
if python3 "$world" weir made --size 500 --requests 3 &&
    python3 "$world" policies --count 500 > made/500.cedar; then
    "$weir" cedar check made/entities.json --schema "$schema" ||
        say "bench/cedar/world.py: entities"
    head -n 1 made/requests.jsonl > made/request.json
    "$weir" cedar authorize --policies made/policies.cedar --schema "$schema" \
        --entities made/entities.json --request made/request.json > out 2>&1
    [ $? -le 1 ] || { cat out; say "bench/cedar/world.py: requests"; }
    "$weir" prove -p made/500.cedar --claim 'always denies' \
        --assume 'principal in principal.organization' \
        --assume 'resource in resource.model' \
        --assume 'principal.organization in OwnershipRule::"flagship"' \
        --assume 'resource.model in Family::"flagship"' > out 2>&1 ||
        { cat out; say "the flagship over 500 policies"; }
else
    say "bench/cedar/world.py fails"
fi

asked=0
for case in "$data"/cedar-sample/analysis/*/; do
    one=$(ls "$case"*.cedarschema 2> /dev/null | head -n 1)
    [ -n "$one" ] || continue
    for policy in "$case"*.cedar; do
        for claim in 'never errors' 'always denies'; do
            "$weir" prove -s "$one" -p "$policy" --timeout 5 --claim "$claim" > out 2> err
            code=$?
            [ $code = 0 ] || [ $code = 1 ] || [ $code = 3 ] || {
                cat err; say "$policy: $claim: exit $code"; }
            [ $code = 3 ] && echo "not proven in 5 s: $(basename "$case")/$(basename "$policy"): $claim"
            grep -v 'did not pass the evaluator' err && say "$policy: $claim"
            asked=$((asked + 1))
        done
    done
done
[ $asked -gt 0 ] || echo "SKIPPED: no analysis sample"
# A second solver: it may take longer, but never contradict what was proven.
agrees() { # NAME: the questions in q.smt2, all of them proven by the first
    timeout 120 cvc5 --incremental --tlimit-per=5000 q.smt2 > out 2> err
    code=$?
    [ $code = 0 ] || [ $code = 124 ] || { head -3 err out; say "cvc5 refuses $1"; }
    # Of a policy that does something, sat is the good answer.
    grep '^; ' q.smt2 | paste -d '|' out - | grep '^sat' |
        grep -v ': sat unless idle: ' > bad && { cat bad; say "cvc5 contradicts $1"; }
    both=$((both + $(grep -c '^unsat' out)))
}
if command -v cvc5 > /dev/null; then
    both=0
    "$weir" prove -p old --smt2 --dialect cvc5 --claim 'always denies' \
        --assume '!(resource in Bloc::"hosting")' > q.smt2
    agrees "that nothing runs elsewhere"
    grep -qv unsat out && { cat out; say "cvc5 does not prove it"; }
    "$weir" prove -p old --smt2 --dialect cvc5 > q.smt2
    agrees "the promises of the demonstration"
    for case in "$data"/cedar-sample/analysis/*/; do
        one=$(ls "$case"*.cedarschema 2> /dev/null | head -n 1)
        for policy in "$case"*.cedar; do
            [ -n "$one" ] && [ -f "$policy" ] || continue
            "$weir" prove -s "$one" -p "$policy" --timeout 5 \
                --claim 'never errors' > /dev/null 2>&1 || continue
            "$weir" prove -s "$one" -p "$policy" --smt2 --dialect cvc5 \
                --claim 'never errors' > q.smt2
            agrees "$(basename "$case")/$(basename "$policy"): never errors"
        done
    done
    echo "cvc5 proves $both questions as well"
    [ $both -gt 0 ] || say "cvc5 proves nothing"
else
    echo "SKIPPED: no cvc5 to ask as well"
fi
[ $failed = 0 ] && echo "1 passed, 0 failed" || echo "0 passed, 1 failed"
exit $failed
