"""Makes a coupon."""

from catalog.domain.catalog_application import Happening
from catalog.domain.coupon import Coupon, CouponSpec, check_coupon, create_coupon, settle_coupon
from catalog.domain.errors import id_taken
from catalog.messages.events import announcement
from catalog.store import changes
from catalog.store.coupons import COUPONS
from kernel.clock import Clock
from kernel.errors import Mistakes
from kit.db import Database
from kit.outbox import Outbox


class CreateCoupon:
    """Makes a coupon and announces it; an equal one is answered as it is."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock

    async def __call__(self, spec: CouponSpec) -> Coupon:
        """The coupon as made.

        Raises:
            TollkeeperError: `INVALID_FIELD`; `ID_TAKEN` by a different coupon.
        """
        mistakes = Mistakes()
        check_coupon(spec, "coupon", mistakes)
        mistakes.check()
        spec = settle_coupon(spec)
        async with self._database.write() as connection:
            await changes.lock_shared(connection)
            coupon = create_coupon(spec, self._clock.now(), revision=await changes.next_revision(connection))
            if not await COUPONS.add(connection, coupon):
                existing = await COUPONS.get(connection, spec.id)
                if existing is None or existing.spec != spec:
                    raise id_taken("coupon", spec.id)
                return existing
            await self._outbox.put_all(connection, [announcement(Happening("created", coupon))])
            return coupon
