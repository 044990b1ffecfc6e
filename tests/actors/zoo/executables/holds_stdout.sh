#!/bin/sh
# Answers, and leaves a process in a session of its own that keeps stdout open.
setsid sleep 600 &
echo '{"a": 1}'
