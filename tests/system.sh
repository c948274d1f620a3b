#!/bin/sh
# What tests need from the system: Debian packages, installed when this runs as root. Those for which something is
# missing are skipped, and say so.
missing=""
needs() { # a program, and the package that has it
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
needs ip iproute2
needs tc iproute2
needs nft nftables
needs tcpdump tcpdump
needs turnserver coturn
needs chromium chromium
needs firefox-esr firefox-esr
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
missing=${missing% }
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing $missing for tests in networks and browsers ..."
  apt-get update -qq >/dev/null
  # One by one: what this Debian does not have is no reason to be without the others.
  for package in $missing; do
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
      echo "could not install $package: the tests that need it will say so and be skipped"
  done
else
  echo "Tests in networks need root, those in browsers Chromium and Firefox. Missing here: $missing"
  echo "(Debian: apt-get install $missing). Tests that need them are skipped; the rest runs."
fi
exit 0
