#!/usr/bin/env bash
# The pages as a web site: deploy/build_docs.sh FOLDER. Fails at a link that leads nowhere.
# Needs mkdocs 1.6: pip install "mkdocs>=1.6,<2"
set -euo pipefail
if [ $# != 1 ]; then
  echo "error: got $# arguments; expected one, the folder of the site" >&2
  exit 2
fi
SITE=$(realpath -m "$1")
cd "$(dirname "$0")/.."
PAGES=$(mktemp -d)
trap 'rm -rf "$PAGES"' EXIT
export SITE PAGES
# README links to files of the repository, which are part of the site.
cp -r ./*.md CITATION.cff docs examples "$PAGES"
mkdocs build --quiet --strict --config-file deploy/mkdocs.yml
echo "$SITE/index.html"
