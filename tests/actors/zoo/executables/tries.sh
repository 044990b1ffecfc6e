#!/bin/sh
cat > /dev/null
cat /etc/passwd
