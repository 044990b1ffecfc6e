#!/bin/sh
echo "warming up..."
echo '{"a": 1}'
