"""An import contract by allow list: named packages import the standard library, and what they are allowed, and nothing else.

`forbidden` contracts list what is known to be bad; a domain that imports a library nobody thought of would pass them.
"""

import sys
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

# In the standard library, but doors to the world outside.
DOORS = frozenset(
    {"asyncio", "http", "multiprocessing", "os", "pathlib", "socket", "sqlite3", "subprocess", "threading", "urllib"}
)


class PureContract(Contract):
    """The modules of `packages` import the standard library (without its doors) and `allowed` packages only."""

    # import-linter puts the values of pyproject.toml in the place of its field descriptions.
    packages: list[str] = cast("list[str]", fields.ListField(subfield=fields.StringField()))
    allowed: list[str] = cast("list[str]", fields.ListField(subfield=fields.StringField()))

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter's signature.
        """Looks at every direct import of every module."""
        offences = sorted(
            f"{module} imports {imported}"
            for package in self.packages
            for module in {package} | graph.find_descendants(package)
            for imported in graph.find_modules_directly_imported_by(module)
            if not self._is_allowed(package, imported)
        )
        return ContractCheck(kept=not offences, metadata={"offences": offences})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Names each import that is not allowed."""
        for offence in check.metadata["offences"]:
            output.print_error(offence)

    def _is_allowed(self, package: str, imported: str) -> bool:
        root = imported.partition(".")[0]
        if root in sys.stdlib_module_names:
            return root not in DOORS
        return any(imported == name or imported.startswith(f"{name}.") for name in (package, *self.allowed))
