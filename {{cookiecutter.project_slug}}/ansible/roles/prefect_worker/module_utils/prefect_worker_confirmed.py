"""Remove only what its owner has confirmed, whatever the role."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule

# What the owner said, and what they have to say.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "word": {"type": "str", "required": True},
    "expected": {"type": "str", "required": True},
}


def require_word(module: AnsibleModule, role: str, what: str) -> None:
    """End the play unless the owner said the word; a play that only looks needs none."""
    wanted = module.params
    if wanted["word"] != wanted["expected"] and not module.check_mode:
        module.fail_json(
            msg=f"{role}_state=absent removes {what}: play it with "
            f"{role}_removed={wanted['expected']} to confirm it."
        )
