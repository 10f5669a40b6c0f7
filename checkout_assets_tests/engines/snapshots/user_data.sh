#!/bin/bash
report=s3://orders-fleet/copies/runs/b8f5d2a4/w001
run_id=b8f5d2a4
archive=s3://orders-artifacts/jobs/worker-1.tar
archive_sha256=abababababababababababababababababababababababababababababababab
python=3.11
deadline=2026-03-04T05:06:07Z
silence_minutes=30
folders_at_once=8
in_flight=256
folder_count=33
folders=(00_CheckoutOrder..1F_CheckoutOrder FF_FulfillmentOrder)
export AWS_REGION=us-east-2
export AWS_DEFAULT_REGION=us-east-2
export AWS_METADATA_SERVICE_TIMEOUT=5
export AWS_METADATA_SERVICE_NUM_ATTEMPTS=3
export CHECKOUT_SOURCE_URI=s3://orders/root
export CHECKOUT_RAW_URI=s3://import/raw
# From here on the script is the same for every instance; the values above are this one's.
set -euo pipefail

home=${CHECKOUT_HOME:-/opt/checkout}
log=$home/log.txt
minutes_to_report=10
step='prepare the disk'
why=WorkerNotInstalled passes=true
copying=''

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

encryption=()
if [ -n "${CHECKOUT_FLEET_ENCRYPTION:-}" ]; then
  encryption=(--sse "$CHECKOUT_FLEET_ENCRYPTION")
  if [ "$CHECKOUT_FLEET_ENCRYPTION" = aws:kms ] && [ -n "${CHECKOUT_FLEET_KMS_KEY:-}" ]; then
    encryption+=(--sse-kms-key-id "$CHECKOUT_FLEET_KMS_KEY")
  fi
fi

put() {
  timeout 120 aws s3 cp --only-show-errors "${encryption[@]}" "$1" "$report/${1##*/}"
}

retry() {
  local seconds
  for seconds in 5 15 45; do
    "$@" && return
    sleep "$seconds"
  done
  "$@"
}

has_said_how_it_ended() { timeout 120 aws s3 cp "$report/end.json" - >/dev/null 2>&1; }

finish() {
  local code=$? outcome=failed message
  set +e
  trap - EXIT
  trap '' TERM INT HUP
  if [ -n "$copying" ]; then
    message="The copying ended without saying how (exit code $code)."
    why=WorkerEnded
  else
    outcome=install
    message="The worker was not installed: it failed to $step (exit code $code)."
  fi
  if [ "$code" -eq 143 ]; then
    outcome=interrupted why=HostInterrupted passes=true
  elif [ -n "$copying" ] && [ "$code" -eq 2 ]; then
    why=WrongUsage passes=false
  fi
  tail -c 65536 "$log" >"$home/tail/log.txt"
  put "$home/tail/log.txt"
  if [ -z "$copying" ] || ! has_said_how_it_ended; then
    printf '{"at": "%s", "outcome": "%s", "message": "%s", ' \
      "$(now)" "$outcome" "$message" >"$home/end.json"
    printf '"failure": {"code": "%s", "transient": %s}}\n' "$why" "$passes" >>"$home/end.json"
    put "$home/end.json"
  fi
  shutdown -h now
}

trap finish EXIT
trap 'exit 143' TERM INT HUP

# The instance ends even if all that follows hangs; before that the copying stops by itself.
minutes=$((($(date -d "$deadline" +%s) - $(date +%s)) / 60 + minutes_to_report))
shutdown -h "+$((minutes > 1 ? minutes : 1))"

mkdir -p "$home/tail" "$home/wheels" "$home/tmp"
exec >>"$log" 2>&1
cd "$home"
export TMPDIR=$home/tmp # /tmp is in memory

step='report to S3'
printf '{"at": "%s", "phase": "installing", "folders": %d, "folders_done": 0, ' \
  "$(now)" "$folder_count" >progress.json
printf '"objects": 0, "bytes": 0, "copied": 0, "rate": 0}\n' >>progress.json
put "$home/progress.json" || true

step="install Python $python from the repositories of Amazon Linux, which are in S3"
if ! command -v "python$python"; then
  retry timeout 600 dnf --assumeyes --quiet --repo amazonlinux install "python$python"
fi

step='fetch the worker archive'
retry timeout 600 aws s3 cp --only-show-errors "$archive" worker.tar

step='prove the worker archive: its SHA-256 is not the packaged one'
why=WrongArchive passes=false
printf '%s  worker.tar\n' "$archive_sha256" | sha256sum --check --quiet
why=WorkerNotInstalled passes=true

step='install the worker archive'
tar -xf worker.tar -C wheels
"python$python" -m venv venv
venv/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps wheels/*.whl
venv/bin/checkout-assets copy --help >/dev/null

ulimit -Sn "$(ulimit -Hn)" || true
venv/bin/checkout-assets copy --report "$report" --run-id "$run_id" --deadline "$deadline" \
  --silence "$silence_minutes" --folders-at-once "$folders_at_once" --in-flight "$in_flight" \
  "${folders[@]}" &
copying=$!
trap 'kill -TERM "$copying" || true' TERM INT HUP
code=0
wait "$copying" || code=$?
while kill -0 "$copying" 2>/dev/null; do
  code=0
  wait "$copying" || code=$?
done
exit "$code"
