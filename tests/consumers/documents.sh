#!/usr/bin/env bash
# Makes the documents that the sessions read: documents.sh PILOTIS FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
pilotis=$(realpath "$1") out=$2
mkdir -p "$out"
out=$(realpath "$out")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/estate/." "$work"
cd "$work"

plan() { # name, arguments…
  local name=$1
  shift
  "$pilotis" plan -no-color -out="$name.plan" "$@" >"$out/$name.txt" 2>"$out/$name.err"
  "$pilotis" show -json "$name.plan" >"$out/$name.json"
}

plan create
"$pilotis" apply -auto-approve -json >"$out/apply.jsonl"
plan nothing
plan change -var stage=2
"$pilotis" plan -json -var stage=2 >"$out/change.jsonl"
plan destroy -destroy
"$pilotis" show -json >"$out/state.json"
# Under another name: the block, its references and a `moved` block.
sed -i 's/"terraform_data" "updated"/"terraform_data" "renamed"/' main.tf
cp "$here/moved.tf" .
plan move
cp "$here/../../examples/quickstart/main.hcl" .
rm -rf main.tf moved.tf site pilotis.db
plan services
