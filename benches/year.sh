#!/usr/bin/env bash
# A year of a town with BAYS bays: how long it takes to load and to derive, what it takes on disk, how fast planners'
# questions are answered, and what one late observation costs. Prints JSON lines.
#   benches/year.sh [--timescaledb true|false] [BAYS] [SPAN]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

timescaledb=false
if [[ ${1:-} == --timescaledb ]]; then
  timescaledb=$2
  shift 2
fi
bays=${1:-5000} span=${2:-365d}
target=${CARGO_TARGET_DIR:-$root/target}
binary=$target/demo/kreisverkehr
[[ -x $binary ]] || fail "no $binary: cargo build --profile demo --bin kreisverkehr"
dir=$(mktemp -d)
# As root the database runs as another user, who must get in.
chmod o+x "$dir"
until=2026-11-01T00:00:00Z year=2026-01-01 month=2026-10-01 end=2026-11-01
trap 'kill %1 2>/dev/null; wait; rm -rf "$dir"' EXIT

"$binary" serve --data-dir "$dir/data" --http 127.0.0.1:0 --mqtt-listen 127.0.0.1:0 --timescaledb "$timescaledb" \
  >"$dir/ready" 2>"$dir/log" &
while ! grep -q ready "$dir/ready"; do
  kill -0 %1 || fail "$(cat "$dir/log")"
  sleep 0.2
done
http=$(sed 's/.*"http":"\([^"]*\)".*/\1/' "$dir/ready")
mqtt=$(sed 's/.*"mqtt":"\([^"]*\)".*/\1/' "$dir/ready")
database=$(sed 's/.*"database_url":"\([^"]*\)".*/\1/' "$dir/ready")
past=("$binary" simulate --history "$span" --until "$until" --bays "$bays")
"${past[@]}" --write-places "$dir/places" >/dev/null
"$binary" import "$dir/places" --data-dir "$dir/data" >/dev/null

waiting() { curl -s "$http/metrics" | sed -n 's/^kv_derive_waiting //p'; }
began=$SECONDS
"${past[@]}" --mqtt-url "$mqtt" --watch "$http" 2>/dev/null | sed -n 's/.*"statements": \([0-9]*\).*/{"statements":\1}/p'
echo "{\"loaded_s\":$((SECONDS - began))}"
sleep 3
while [[ $(waiting) != 0 ]]; do sleep 1; done
echo "{\"derived_s\":$((SECONDS - began))}"

sizes="SELECT json_build_object('table', t, 'bytes', CASE
    WHEN EXISTS (SELECT FROM pg_inherits WHERE inhparent = t::regclass)
    THEN (SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = t::regclass)
    ELSE pg_total_relation_size(t::regclass) END)
  FROM unnest('{bay_observation,bay_interval,occupancy_hour}'::text[]) t"
psql -At "$database" -c "$sizes"
if [[ $timescaledb == true ]]; then
  psql -qAt "$database" -c "SELECT count(compress_chunk(c)) FROM show_chunks('bay_observation') c" >/dev/null
  psql -At "$database" -c "SELECT json_build_object('table', 'bay_observation', 'compressed_bytes', hypertable_size('bay_observation'))"
fi

key=$("$binary" key create --role admin --data-dir "$dir/data")
ask() { # NAME PATH: the median of nine answers, milliseconds
  local times
  times=$(for _ in {1..9}; do
    curl -s -o "$dir/answer" -w '%{time_total}\n' -H "Authorization: Bearer $key" "$http$2"
  done | sort -n | sed -n 5p)
  echo "{\"question\":\"$1\",\"ms\":$(awk "BEGIN{print $times*1000}"),\"bytes\":$(wc -c <"$dir/answer")}"
}
of="municipality=historytown&from=$year&to=$end"
ask "a year by hour of week" "/v1/occupancy?$of&bucket=hour_of_week"
ask "a year of a site by hour of week" "/v1/occupancy?site=history-site-0003&from=$year&to=$end&bucket=hour_of_week"
ask "a year by day and site" "/v1/occupancy?$of&bucket=1d&group_by=site"
ask "a month of a site's stays" "/v1/stays?site=history-site-0003&from=$month&to=$end"
ask "a month of all stays" "/v1/stays?municipality=historytown&from=$month&to=$end"

late() { # AT: from the message to the derived interval
  local topic="kv/1/history/bay/history-000077" began
  began=$(date +%s%N)
  mosquitto_pub -h 127.0.0.1 -p "${mqtt##*:}" -q 1 -t "$topic" -m "{\"at\":\"$1\",\"state\":\"occupied\"}"
  local wanted="SELECT count(*) FROM bay_interval i JOIN place p ON p.id = i.bay
    WHERE p.key = 'history-000077' AND i.from_utc <= '$1' AND i.until_utc > '$1' AND i.state = 2"
  while [[ $(psql -At "$database" -c "$wanted") == 0 ]]; do sleep 0.05; done
  echo "{\"late\":\"$1\",\"derived_after_ms\":$((($(date +%s%N) - began) / 1000000))}"
}
late 2026-10-20T03:17:05Z
late 2026-03-20T03:17:05Z
late 2025-11-20T03:17:05Z
grep VmHWM "/proc/$(jobs -p %1)/status" | awk '{print "{\"peak_memory_kib\":" $2 "}"}'
