#!/bin/sh
# deps.sh PACKAGE… - install the Debian packages that are missing, as root or by sudo; on other systems name them.
if ! command -v dpkg-query > /dev/null; then
	echo "not a Debian system: nothing is installed here. What is needed, by Debian's names: $*" >&2
	exit 0
fi
missing=
for p; do
	dpkg-query -W -f='${Status}' "$p" 2> /dev/null | grep -q 'install ok' || missing="$missing $p"
done
[ -z "$missing" ] && exit
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo > /dev/null || { echo "missing packages, install them as root: apt-get install$missing" >&2; exit 1; }
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
{ $sudo apt-get install -y -q --no-install-recommends $missing ||
  { $sudo apt-get update -q && $sudo apt-get install -y -q --no-install-recommends $missing; }; } > /dev/null ||
	{ echo "apt-get could not install:$missing" >&2; exit 1; }
