"""Changes a coupon's names, or archives it."""

from collections.abc import Sequence

from catalog.domain.catalog_application import Happening
from catalog.domain.coupon import Coupon, CouponSpec, change_coupon
from catalog.domain.errors import coupon_not_found
from catalog.domain.names_update import revise_coupon
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.coupons import COUPONS
from kernel.clock import Clock
from kernel.ids import check_id
from kit.db import Database
from kit.outbox import Outbox


class UpdateCoupon:
    """Changes a coupon and announces it; where nothing differs, nothing happens."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: CouponSpec, paths: Sequence[str]) -> Coupon:
        """The coupon as changed.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `COUPON_NOT_FOUND`; `COUPON_IMMUTABLE_FIELD`.
        """
        check_id(spec.id, "coupon.id")
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            coupon = await COUPONS.get(connection, spec.id, lock=True)
            if coupon is None:
                raise coupon_not_found(spec.id)
            revised = revise_coupon(coupon, spec, paths)
            if revised == coupon.spec:
                return coupon
            revision = await changes.next_revision(connection)
            changed = change_coupon(coupon, revised, self._clock.now(), revision=revision)
            await COUPONS.replace_all(connection, [changed])
            await self._outbox.put_all(connection, [announcement(Happening("updated", changed))])
            return changed
