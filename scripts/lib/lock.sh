# For scripts/setup: one at a time in a folder, where the file system has locks.

# take_lock FILE_DESCRIPTOR: waits for another run; warns where there is no lock to be had.
take_lock() {
  local status=0
  flock -n "$1" || status=$?
  if [ "$status" = 1 ]; then  # another process has it; any other status: flock did not work
    say "another scripts/setup is at work here; waiting for it"
    status=0
    flock "$1" || status=$?
  fi
  if [ "$status" != 0 ]; then
    say "warning: no lock can be had here (flock's own message is above); a second scripts/setup in this folder" \
      "would not be noticed, so start only one"
  fi
}
