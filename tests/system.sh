#!/bin/sh
# What the network tests need from the system: Debian packages, installed when this runs as root.
missing=""
command -v ip >/dev/null 2>&1 && command -v tc >/dev/null 2>&1 || missing="$missing iproute2"
command -v nft >/dev/null 2>&1 || missing="$missing nftables"
command -v tcpdump >/dev/null 2>&1 || missing="$missing tcpdump"
command -v turnserver >/dev/null 2>&1 || missing="$missing coturn"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing$missing for the network tests ..."
  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null && exit 0
  echo "could not install$missing: the network tests will say so and be skipped"
else
  echo "The network tests need root and:$missing (Debian: apt-get install$missing). They are skipped; the rest runs."
fi
exit 0
