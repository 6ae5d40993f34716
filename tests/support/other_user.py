"""``python -m tests.support.other_user UID SOCKET METHOD TARGET [BODY]``: request as another user, of root's group.

All modules are imported before the user changes: that user may be unable to read the interpreter's files.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.unix_http import Answer, ask

NOBODY = 65_534


def ask_as(uid: int, path: Path, method: str, target: str, body: object = None) -> Answer:
    """Make one request as another user, who is in root's group only."""
    words = [str(uid), str(path), method, target, json.dumps(body)]
    ran = subprocess.run([sys.executable, "-m", __name__, *words], capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)
    return Answer(found["status"], found["headers"], found["body"].encode())


def _main(uid: str, path: str, method: str, target: str, body: str) -> None:
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(int(uid), int(uid), int(uid))
    answer = ask(Path(path), method, target, json.loads(body))
    shown = {"status": answer.status, "headers": dict(answer.headers), "body": answer.raw.decode()}
    sys.stdout.write(json.dumps(shown))


if __name__ == "__main__":
    _main(*sys.argv[1:])
