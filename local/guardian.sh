# Runs a command that must not outlive its parent: sh guardian.sh GRACE_SECONDS COMMAND [ARGUMENT…]
#
# The parent holds the other end of standard input. However the parent ends, SIGKILL included, that end closes, and the
# command gets SIGTERM, then SIGKILL if it is still there GRACE_SECONDS later. The first line of output is the process id
# of the command, all that follows is its own. Ends with the exit code of the command.
#
# A shell, not Node: with its watcher it costs 3 MB and 10 ms instead of 40 MB and 40 ms.

grace_seconds=$1
shift
# Even where PATH is bare, `sleep` must be found: the grace would be none.
PATH=${PATH:+$PATH:}/usr/bin:/bin
export PATH

# A shell gives its background commands an empty standard input, so the real one is kept as number 3.
exec 3<&0
/bin/sh -c 'echo "$$"; exec "$@"' sh "$@" </dev/null 3<&- &
command_pid=$!
# What this shell itself has to say ("Killed", in bash) would pass for the command's words.
exec 2>/dev/null
trap 'kill -TERM "$command_pid"' TERM INT HUP

# The watcher is a process of its own, so that it does its duty even if the guardian itself is killed.
(
  trap '' TERM INT HUP
  while read -r _ <&3; do :; done
  kill -TERM "$command_pid"
  polls_left=$((grace_seconds * 10))
  while [ "$polls_left" -gt 0 ] && kill -0 "$command_pid"; do
    sleep 0.1
    polls_left=$((polls_left - 1))
  done
  kill -KILL "$command_pid"
) >/dev/null &
watcher_pid=$!

# A trapped signal ends `wait` early: wait again for as long as the command is there.
while :; do
  wait "$command_pid"
  exit_code=$?
  kill -0 "$command_pid" || break
done
kill -KILL "$watcher_pid"
exit "$exit_code"
