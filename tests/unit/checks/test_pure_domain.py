"""The import contract by allow list lets nothing unknown pass."""

import pytest
from grimp import ImportGraph

from tests.checks.pure_domain import PureContract


@pytest.mark.parametrize(
    ("imported", "kept"),
    [
        ("decimal", True),
        ("kernel.money", True),
        ("billing.domain.lines", True),
        ("yaml", False),
        ("asyncio", False),
        ("subprocess", False),
        ("billing.store.tables", False),
        ("kit.db", False),
    ],
)
def test_only_the_allowed_is_imported(imported: str, *, kept: bool) -> None:
    graph = ImportGraph()
    for module in ("billing.domain", "billing.domain.invoice", imported):
        graph.add_module(module, is_squashed=False)
    graph.add_import(importer="billing.domain.invoice", imported=imported)
    options = {"packages": ["billing.domain"], "allowed": ["kernel"]}
    contract = PureContract(name="pure", session_options={}, contract_options=options)
    assert contract.check(graph, verbose=False).kept is kept
