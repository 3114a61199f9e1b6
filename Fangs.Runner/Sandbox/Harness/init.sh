# Process 1 of a sandbox. Reads steps from the runner on descriptor 0 and reports on descriptor 1; both are closed to everything it starts,
# whose output goes to descriptor 2. The shell's binary is execute-only here, so the kernel does not let the package look into this process.
# Arguments: a program that does nothing, node, what to import (JSON), then the command to scan.
mark=$1 node=$2 import=$3
shift 3
while read -r step nonce phase; do
  case $step in
    phase) "$mark" fangs-phase "$nonce" "$phase" </dev/null >&2 ;;
    command) "$@" </dev/null >&2 ;;
    import) "$node" /.fangs/import.cjs "$import" </dev/null >&2 ;;
    *) false ;;
  esac
  status=$?
  echo "$nonce" >&2 # the runner has read all of the step's output once it sees this
  echo "$step $status"
done
