"""The programs that Dify's code nodes send: the code of the user in a wrapper that decodes the inputs."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from textwrap import dedent
from typing import Any

#: Runs before a template, as Dify sends it.
TEMPLATE_PRELOAD = dedent("""
    import jinja2
    from base64 import b64decode

    def _jinja2_preload_():
        template = jinja2.Template('{{s}}')
        template.render(s='a')

    if __name__ == '__main__':
        _jinja2_preload_()
    """)


def create_request(language: str, code: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The request of a code node. ``language`` is Dify's: python3, javascript or jinja2."""
    encoded = b64encode(json.dumps(inputs, ensure_ascii=False).encode()).decode()
    program = {"python3": _wrap_python, "javascript": _wrap_javascript, "jinja2": _wrap_template}[language](
        code, encoded
    )
    return {
        "language": "nodejs" if language == "javascript" else "python3",
        "code": program,
        "preload": TEMPLATE_PRELOAD if language == "jinja2" else "",
        "enable_network": True,
    }


def read_result(stdout: str) -> str:
    """The result of a program, as a code node extracts it."""
    found = re.search(r"<<RESULT>>(.*)<<RESULT>>", stdout, re.DOTALL)
    assert found is not None, stdout
    return found[1]


def _wrap_python(code: str, inputs: str) -> str:
    return f"""{code}

import json
from base64 import b64decode

inputs_obj = json.loads(b64decode('{inputs}').decode('utf-8'))
output_obj = main(**inputs_obj)
output_json = json.dumps(output_obj, indent=4)
result = f'''<<RESULT>>{{output_json}}<<RESULT>>'''
print(result)
"""


def _wrap_javascript(code: str, inputs: str) -> str:
    return f"""// declare main function
{code}

// decode and prepare input object
var inputs_obj = JSON.parse(Buffer.from('{inputs}', 'base64').toString('utf-8'))

// execute main function
var output_obj = main(inputs_obj)

// convert output to json and print
var output_json = JSON.stringify(output_obj)
var result = `<<RESULT>>${{output_json}}<<RESULT>>`
console.log(result)
"""


def _wrap_template(code: str, inputs: str) -> str:
    return f"""
def main(**inputs):
    import jinja2
    template = jinja2.Template('''{code}''')
    return template.render(**inputs)

import json
from base64 import b64decode

inputs_obj = json.loads(b64decode('{inputs}').decode('utf-8'))
output = main(**inputs_obj)
result = f'''<<RESULT>>{{output}}<<RESULT>>'''
print(result)
"""
