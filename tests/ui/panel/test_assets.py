"""The modules of the front end become one script: their names must not meet, and all of them are joined."""

import re
from collections import Counter

from autoresearch_magic.ui.panel.assets import PAGE, STYLES, page_script

NAME = re.compile(r"^(?:async )?(?:function|const|let|class) (\w+)", re.MULTILINE)


def test_no_two_modules_have_a_name_in_common():
    names = Counter(NAME.findall(page_script()))
    assert not [name for name, times in names.items() if times > 1]


def test_every_module_and_every_style_sheet_is_part_of_the_page():
    script = page_script()
    assert [path.name for path in sorted(PAGE.glob("*.js")) if f"// {path.name}\n" not in script] == []
    assert {path.stem for path in PAGE.glob("*.css")} <= set(STYLES)
    assert not re.search(r"^(?:import|export (?!default))", script, re.MULTILINE)


def test_what_a_module_imports_is_there_and_used():
    sources = {path.stem: path.read_text("utf-8") for path in PAGE.glob("*.js")}
    for name, source in sources.items():
        for names, other in re.findall(r'^import \{ ([^}]*) \} from "\./(\w+)\.js";', source, re.MULTILINE):
            for each in names.split(", "):
                assert re.search(
                    rf"^export (?:(?:async )?function|const|const .*,) {each}\b", sources[other], re.MULTILINE
                ), each
                assert len(re.findall(rf"(?<![\w$-]){each}(?![\w-])", source)) > 1, f"{name}.js does not use {each}"
