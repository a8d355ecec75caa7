"""Charges by the official client against the imitation (see there for what it does not prove of Stripe)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from billing.clients.stripe_provider import StripeProvider
from billing.domain.collection import Canceled, Failed, StillOpen, Succeeded, Unknown
from kernel.errors import ErrorKind, TollkeeperError
from tests.integration.billing.collection.told import PAYER, charge_by
from tests.integration.billing.stripe_imitation import StripeImitation
from tests.integration.billing.stripe_wire import SECRET_KEY


async def test_a_charge_succeeds_and_carries_our_ids(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider)
    outcome = await provider.charge(charge)
    assert isinstance(outcome, Succeeded)
    intent = stripe.intents[outcome.payment_id]
    assert (intent["amount"], intent["currency"], intent["description"]) == (2000, "usd", "TK-000001")
    assert intent["metadata"] == {
        "tollkeeper_attempt_id": "pay_0001",
        "tollkeeper_invoice_id": "inv_0001",
        "tollkeeper_customer_id": "acme",
    }
    _, _, asked = stripe.requests[-1]
    assert (asked["off_session"], asked["confirm"]) == ("true", "true")
    customer = stripe.customers[charge.provider_customer_id]
    assert (customer["name"], customer["email"]) == ("Acme Inc.", "money@acme.example")
    assert await provider.look_up(charge, outcome.payment_id) == outcome


async def test_asked_twice_is_charged_once(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider)
    assert await provider.charge(charge) == await provider.charge(charge)
    assert len(stripe.charged("pay_0001")) == 1


@pytest.mark.parametrize("fault", ["drop_after", "cut", "500_after"])
async def test_charged_once_though_the_answer_is_lost(
    stripe: StripeImitation, provider: StripeProvider, fault: str
) -> None:
    charge = await charge_by(provider)
    stripe.faults.append(fault)
    assert await provider.charge(charge) == Unknown()
    [payment_id] = stripe.charged("pay_0001")
    # A fault kept under the key is replayed for ever: only the list of payments tells.
    again = await provider.charge(charge)
    assert again == (Unknown() if fault == "500_after" else Succeeded(payment_id))
    assert await provider.look_up(charge, "") == Succeeded(payment_id)
    assert stripe.charged("pay_0001") == [payment_id]


@pytest.mark.parametrize("fault", ["drop_before", "500_before", "429", "409", "html", "401", "403"])
async def test_a_provider_that_is_away_is_unknown_and_charged_nothing(
    stripe: StripeImitation, provider: StripeProvider, fault: str
) -> None:
    charge = await charge_by(provider)
    stripe.faults.append(fault)
    assert await provider.charge(charge) == Unknown()
    assert await provider.look_up(charge, "") is None
    assert isinstance(await provider.charge(charge), Succeeded)
    assert len(stripe.charged("pay_0001")) == 1


async def test_nobody_listening_is_unknown(provider: StripeProvider) -> None:
    charge = await charge_by(provider)
    away = StripeProvider(SECRET_KEY, api_base="http://127.0.0.1:9", retries=0)
    assert await away.charge(charge) == Unknown()
    assert await away.look_up(charge, "pi_1") == Unknown()
    assert await away.cancel("pi_1") == Unknown()
    with pytest.raises(TollkeeperError) as caught:
        await away.make_customer(PAYER)
    assert (caught.value.kind, caught.value.reason) == (ErrorKind.UNAVAILABLE, "DEPENDENCY_UNAVAILABLE")
    await away.close()


async def test_a_provider_that_hangs_is_given_up(
    stripe: StripeImitation, provider: StripeProvider, short_tries: None
) -> None:
    charge = await charge_by(provider)
    stripe.faults.append("hang")
    assert await provider.charge(charge) == Unknown()
    assert stripe.hanging.is_set()


async def test_the_client_tries_again_with_the_same_key(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider)
    patient = StripeProvider(SECRET_KEY, api_base=stripe.base)
    stripe.faults.extend(["drop_after"])
    assert isinstance(await patient.charge(charge), Succeeded)
    assert len(stripe.charged("pay_0001")) == 1
    await patient.close()


async def test_other_values_under_the_same_key_charge_nothing(
    stripe: StripeImitation, provider: StripeProvider
) -> None:
    charge = await charge_by(provider)
    assert isinstance(await provider.charge(charge), Succeeded)
    assert await provider.charge(replace(charge, description="TK-000002")) == Unknown()
    assert len(stripe.charged("pay_0001")) == 1


async def test_a_declined_card_has_failed(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider, "pm_card_chargeCustomerFail")
    outcome = await provider.charge(charge)
    [intent] = stripe.intents.values()
    assert outcome == Failed(intent["id"], "card_declined", "Your card was declined.")
    assert await provider.charge(charge) == outcome
    assert await provider.look_up(charge, "") == outcome
    assert len(stripe.intents) == 1


async def test_a_card_that_wants_authentication_has_failed_since_nobody_is_there(provider: StripeProvider) -> None:
    charge = await charge_by(provider, "pm_card_authenticationRequired")
    outcome = await provider.charge(charge)
    assert isinstance(outcome, Failed)
    assert outcome.code == "authentication_required"
    assert "requires authentication" in outcome.message


async def test_a_bank_debit_is_open_until_the_bank_decides(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider, "pm_usBankAccount_success")
    outcome = await provider.charge(charge)
    assert isinstance(outcome, StillOpen)
    assert not outcome.needs_customer
    assert await provider.cancel(outcome.payment_id) == outcome, "a bank that decides cannot be called off"
    await stripe.decide(outcome.payment_id)
    assert await provider.look_up(charge, outcome.payment_id) == Succeeded(outcome.payment_id)


async def test_a_payment_that_waits_for_the_customer_can_be_called_off(provider: StripeProvider) -> None:
    charge = await charge_by(provider, "pm_usBankAccount_microdeposits")
    outcome = await provider.charge(charge)
    assert isinstance(outcome, StillOpen)
    assert outcome.needs_customer
    assert await provider.cancel(outcome.payment_id) == Canceled(outcome.payment_id)


async def test_what_was_decided_before_cannot_be_called_off(provider: StripeProvider) -> None:
    outcome = await provider.charge(await charge_by(provider))
    assert isinstance(outcome, Succeeded)
    assert await provider.cancel(outcome.payment_id) == outcome


async def test_a_payment_is_found_among_many_and_only_if_it_is_recent(
    stripe: StripeImitation, provider: StripeProvider
) -> None:
    first = await charge_by(provider)
    outcome = await provider.charge(first)
    for number in range(2, 120):
        await provider.charge(replace(first, attempt_id=f"pay_{number:04d}"))
    before = len(stripe.requests)
    assert await provider.look_up(first, "") == outcome
    assert len(stripe.requests) - before == 2
    assert await provider.look_up(replace(first, first_ask_time=datetime.now(UTC) + timedelta(hours=2)), "") is None


async def test_the_least_amount_is_the_providers_to_say(provider: StripeProvider) -> None:
    outcome = await provider.charge(await charge_by(provider, amount="0.49"))
    assert outcome == Failed("", "amount_too_small", "Amount must be at least 50 usd")


@pytest.mark.parametrize(
    ("amount", "unit", "minor"),
    [("500", "JPY", 500), ("5", "UGX", 500), ("7", "ISK", 700), ("5.120", "KWD", 5120), ("10.45", "HUF", 1045)],
)
async def test_amounts_arrive_in_stripes_own_units(
    stripe: StripeImitation, provider: StripeProvider, amount: str, unit: str, minor: int
) -> None:
    outcome = await provider.charge(await charge_by(provider, amount=amount, unit=unit))
    assert isinstance(outcome, Succeeded)
    assert stripe.intents[outcome.payment_id]["amount"] == minor


async def test_what_cannot_be_charged_exactly_is_not_asked_for(
    stripe: StripeImitation, provider: StripeProvider
) -> None:
    outcome = await provider.charge(await charge_by(provider, amount="5.124", unit="KWD"))
    assert isinstance(outcome, Failed)
    assert outcome.code == "amount_not_chargeable"
    assert "steps of 0.010" in outcome.message
    assert stripe.intents == {}


async def test_a_customer_is_made_once(stripe: StripeImitation, provider: StripeProvider) -> None:
    first = await provider.make_customer(PAYER)
    assert await provider.make_customer(PAYER) == first
    assert await provider.make_customer(replace(PAYER, email="")) != first
    assert len(stripe.customers) == 2


async def test_payment_methods_are_attached_or_refused(stripe: StripeImitation, provider: StripeProvider) -> None:
    customer, other = await provider.make_customer(PAYER), await provider.make_customer(replace(PAYER, email=""))
    attached = await provider.attach_payment_method(customer, "pm_card_visa")
    assert stripe.methods[attached]["customer"] == customer
    assert await provider.attach_payment_method(customer, attached) == attached, "attached already is as good"
    for who, method, code in [
        (other, attached, "invalid_request"),
        (customer, "pm_card_visa_chargeDeclined", "card_declined"),
        (customer, "pm_unknown", "resource_missing"),
    ]:
        with pytest.raises(TollkeeperError) as caught:
            await provider.attach_payment_method(who, method)
        assert caught.value.kind is ErrorKind.FAILED_PRECONDITION
        assert caught.value.reason == "PAYMENT_METHOD_REFUSED"
        assert caught.value.metadata == {"failure_code": code}


async def test_no_key_is_ever_logged_or_told(
    stripe: StripeImitation, resources: object, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = StripeProvider("sk_live_very_secret", api_base=stripe.base, retries=0)
    with pytest.raises(TollkeeperError) as caught:
        await wrong.make_customer(PAYER)
    assert "sk_" not in f"{caught.value}{caught.value.__cause__}"
    assert caught.value.__suppress_context__
    output = capsys.readouterr()
    assert "stripe_refuses_us" in output.out + output.err
    assert "sk_" not in output.out + output.err
    await wrong.close()


async def test_a_caller_who_goes_away_leaves_nothing_behind(stripe: StripeImitation, provider: StripeProvider) -> None:
    charge = await charge_by(provider)
    stripe.faults.append("hang")
    calling = asyncio.create_task(provider.charge(charge))
    await stripe.hanging.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert isinstance(await provider.charge(charge), Succeeded)
    assert len(stripe.charged("pay_0001")) == 1
