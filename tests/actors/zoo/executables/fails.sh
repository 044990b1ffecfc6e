#!/bin/sh
echo '{"a": 1}'
echo "disk full" >&2
exit 7
