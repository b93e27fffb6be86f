"""THE 86 + 151 ITEMS (標準的な共有情報): the data, its loader, and what is built from it.

items      the frozen objects            shapes         what each value must look like, said once
load       the data files → Catalogue    models         shapes → pydantic
checks     check digits                  json_schema    shapes → JSON Schema 2020-12
characters what text may contain         describe, page the catalogue for programs and for people
envelope   the members around the items  rules          rules between values
"""

from renkei.catalogue.items import Catalogue, Code, Field, Item, Rule, ValueSet
from renkei.catalogue.load import CURRENT, load_catalogue

__all__ = ["CURRENT", "Catalogue", "Code", "Field", "Item", "Rule", "ValueSet", "load_catalogue"]
