"""Installs a pinned list of Python packages into .tools/, unless that is done already.

    python3 infra/local/install_tools.py infra/local/requirements.txt .tools/installed.sha256

The stamp holds the list's SHA-256 and is written last: an installation that was cut short has none, and the next run
goes on where it stopped. Two runs at once wait for each other.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv

TOOLS = ".tools"
PYTHON = os.path.join(TOOLS, "bin", "python")
LOCK = os.path.join("target", "local", "install.lock")


def main(requirements, stamp):
    os.makedirs(os.path.dirname(LOCK), exist_ok=True)
    with open(LOCK, "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(requirements, "rb") as file:
            wanted = hashlib.sha256(file.read()).hexdigest()
        if read(stamp) == wanted:
            return
        if not answers():
            venv.create(TOOLS, clear=True, with_pip=True)
        install = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--requirement", requirements]
        subprocess.run(install, check=True)
        with open(f"{stamp}.new", "w", encoding="utf-8") as file:
            file.write(wanted)
        os.replace(f"{stamp}.new", stamp)


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def answers():
    """Whether the environment is whole: one that was half made, moved or left by another Python is not."""
    try:
        return subprocess.run([PYTHON, "-m", "pip", "--version"], check=False).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
