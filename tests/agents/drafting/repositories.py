"""A small repository for the tests of drafting."""

import subprocess

FILES = {
    "src/a.py": "print('hello')\n",
    "src/b.py": "",
    "tests/test_a.py": "def test_a(): pass\n",
    "bench.py": "print('seconds: 2.5')\n",
    "silent.py": "import sys\nprint('nothing here')\nsys.exit(3)\n",
    "README.md": "# Toy\n\nA toy.\n",
    "pyproject.toml": "[project]\nname = 'toy'\n[tool.pytest.ini_options]\ntestpaths = ['tests']\n",
}


def commit(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    return folder
