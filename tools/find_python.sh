#!/bin/sh
# Print a Python that is new enough for minidiff, or say on stderr what to do and fail.
for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    # A name on the PATH may be a shim that does not run, so each one is tried.
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        command -v "$name"
        exit 0
    fi
done
found=$(python3 --version 2>&1) || found="no python3"
echo "minidiff needs Python 3.11 or newer; here is $found. Install one, or name it: make book PYTHON=/path/to/python3.12" >&2
exit 1
