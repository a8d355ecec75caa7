"""Messages that the tests send."""

from typing import Any

from google.protobuf import json_format

from tollkeeper.catalog.v1 import add_on_pb2, catalog_service_pb2, coupon_pb2, feature_pb2, plan_pb2, product_pb2

AIRPORT: dict[str, Any] = {"id": "airport", "displayName": "Airport"}

GATES: dict[str, Any] = {
    "id": "gates",
    "displayName": "Gates",
    "metered": {
        "usageBehavior": "USAGE_BEHAVIOR_FLUCTUATING",
        "usageSource": "USAGE_SOURCE_CALCULATED",
        "unitSingular": "gate",
    },
}
MILES: dict[str, Any] = {
    "id": "miles",
    "metered": {
        "usageBehavior": "USAGE_BEHAVIOR_INCREMENTAL",
        "usageSource": "USAGE_SOURCE_EVENTS",
        "meter": {
            "eventNames": ["flight.departed"],
            "aggregation": "AGGREGATION_SUM",
            "field": "distance",
            "filters": [
                {
                    "conditions": [
                        {"field": "carrier", "in": {"values": [{"stringValue": "AA"}, {"numberValue": "1.50"}]}},
                        {"field": "tail", "isSet": True},
                    ]
                }
            ],
        },
    },
}
LOUNGE: dict[str, Any] = {"id": "lounge", "boolean": {}}
SUPPORT: dict[str, Any] = {"id": "support", "enum": {"values": ["email", "phone"]}}

# The documents' own prices: 20 gates cost $298.
GRADUATED: dict[str, Any] = {
    "id": "gates",
    "billingModel": "BILLING_MODEL_PER_UNIT",
    "featureId": "gates",
    "pricingModel": "PRICING_MODEL_GRADUATED",
    "tierEnds": ["5", "10"],
    "prices": [
        {
            "billingPeriod": "BILLING_PERIOD_MONTHLY",
            "currency": "USD",
            "tiers": [
                {"unitPrice": "20", "flatFee": "10"},
                {"unitPrice": "15", "flatFee": "8"},
                {"unitPrice": "10.00", "flatFee": "5"},
            ],
        }
    ],
}
BASE_FEE: dict[str, Any] = {
    "id": "base",
    "billingModel": "BILLING_MODEL_FLAT_FEE",
    "prices": [{"billingPeriod": "BILLING_PERIOD_MONTHLY", "currency": "USD", "amount": "99.50"}],
}
CONTENT: dict[str, Any] = {
    "pricingType": "PRICING_TYPE_PAID",
    "entitlements": [
        {"featureId": "lounge", "boolean": {}},
        {"featureId": "support", "enum": {"values": ["email"]}},
        {
            "featureId": "miles",
            "metered": {
                "limit": "1000000.0",
                "softLimit": True,
                "usageReset": {"interval": "RESET_INTERVAL_MONTH"},
            },
        },
    ],
    "charges": [GRADUATED, BASE_FEE],
}
GOLD: dict[str, Any] = {"id": "gold", "productId": "airport", "displayName": "Gold"}

FEATURES = (GATES, MILES, LOUNGE, SUPPORT)

HISTORY: dict[str, Any] = {"id": "history", "numeric": {"unitSingular": "day"}}
# What one unit of it grants and costs; each in Germany a euro dearer.
EXTRA_CONTENT: dict[str, Any] = {
    "entitlements": [
        {"featureId": "gates", "metered": {"limit": "5"}},
        {"featureId": "history", "numeric": {"value": "30.0"}, "mergeBehavior": "MERGE_BEHAVIOR_OVERRIDE"},
    ],
    "charges": [
        {
            "id": "extra",
            "billingModel": "BILLING_MODEL_FLAT_FEE",
            "prices": [
                {"billingPeriod": "BILLING_PERIOD_MONTHLY", "currency": "EUR", "amount": "4.00"},
                {"billingPeriod": "BILLING_PERIOD_MONTHLY", "currency": "EUR", "amount": "5", "country": "DE"},
            ],
        }
    ],
    "maximumQuantity": 10,
}
EXTRA: dict[str, Any] = {"id": "extra", "productId": "airport", "displayName": "Extra gates"}
MORE: dict[str, Any] = {"id": "more", "productId": "airport"}
BRONZE: dict[str, Any] = {"id": "bronze", "productId": "airport"}
BRONZE_CONTENT: dict[str, Any] = {
    "pricingType": "PRICING_TYPE_CUSTOM",
    "entitlements": [{"featureId": "history", "numeric": {"value": "7"}}],
}
SILVER: dict[str, Any] = {"id": "silver", "productId": "airport"}
SILVER_CONTENT: dict[str, Any] = {
    "pricingType": "PRICING_TYPE_PAID",
    "entitlements": [{"featureId": "lounge", "boolean": {}}],
    "charges": [BASE_FEE],
    "basePlanId": "bronze",
    "compatibleAddOnIds": ["more", "extra"],
    "trial": {"durationDays": 14},
}
WELCOME: dict[str, Any] = {
    "id": "WELCOME20",
    "percentOff": "20.00",
    "duration": "COUPON_DURATION_MONTHS",
    "durationMonths": 3,
}
FAREWELL: dict[str, Any] = {
    "id": "FAREWELL",
    "amountOff": {"amounts": [{"currency": "USD", "amount": "10"}, {"currency": "JPY", "amount": "1500"}]},
    "duration": "COUPON_DURATION_ONCE",
}
# A meter with every test there is, announced at its own thresholds; its refusals are only counted.
DELAY: dict[str, Any] = {
    "id": "delay",
    "shadowMode": True,
    "metered": {
        "usageBehavior": "USAGE_BEHAVIOR_INCREMENTAL",
        "usageSource": "USAGE_SOURCE_EVENTS",
        "thresholds": {"percents": [100, 50, 90]},
        "meter": {
            "eventNames": ["flight.arrived", "flight.departed"],
            "aggregation": "AGGREGATION_MAX",
            "field": "delay",
            "filters": [
                {
                    "conditions": [
                        {"field": "carrier", "notEquals": {"stringValue": "AA"}},
                        {"field": "stops", "notEquals": {"numberValue": "2.0"}},
                        {"field": "tail", "startsWith": "N"},
                        {"field": "tail", "endsWith": "AA"},
                        {"field": "route", "contains": "JFK"},
                    ]
                },
                {
                    "conditions": [
                        {"field": "delay", "greaterThan": "-5.50"},
                        {"field": "delay", "lessThanOrEqual": "600"},
                        {"field": "distance", "greaterThanOrEqual": "100.0"},
                        {"field": "distance", "lessThan": "5000"},
                    ]
                },
            ],
        },
    },
}
# A document that uses everything there is.
WHOLE: dict[str, Any] = {
    "features": [*FEATURES, HISTORY, DELAY],
    "plans": [
        {"plan": SILVER, "content": SILVER_CONTENT},
        {"plan": GOLD, "content": CONTENT},
        {"plan": BRONZE, "content": BRONZE_CONTENT},
    ],
    "addOns": [
        {"addOn": MORE, "content": {"requiredAddOnIds": ["extra"]}},
        {"addOn": EXTRA, "content": EXTRA_CONTENT},
    ],
    "coupons": [WELCOME, FAREWELL],
}


def feature(fields: dict[str, Any]) -> feature_pb2.Feature:
    """A feature."""
    return json_format.ParseDict(fields, feature_pb2.Feature())


def product(fields: dict[str, Any]) -> product_pb2.Product:
    """A product."""
    return json_format.ParseDict(fields, product_pb2.Product())


def plan(fields: dict[str, Any]) -> plan_pb2.Plan:
    """A plan."""
    return json_format.ParseDict(fields, plan_pb2.Plan())


def content(fields: dict[str, Any]) -> plan_pb2.PlanContent:
    """A plan's content."""
    return json_format.ParseDict(fields, plan_pb2.PlanContent())


def add_on(fields: dict[str, Any]) -> add_on_pb2.AddOn:
    """An add-on."""
    return json_format.ParseDict(fields, add_on_pb2.AddOn())


def add_on_content(fields: dict[str, Any]) -> add_on_pb2.AddOnContent:
    """An add-on's content."""
    return json_format.ParseDict(fields, add_on_pb2.AddOnContent())


def coupon(fields: dict[str, Any]) -> coupon_pb2.Coupon:
    """A coupon."""
    return json_format.ParseDict(fields, coupon_pb2.Coupon())


def document(**fields: Any) -> catalog_service_pb2.ApplyCatalogRequest:
    """A whole catalog; what is not given is the airport's."""
    whole = {
        "features": list(FEATURES),
        "products": [AIRPORT],
        "plans": [{"plan": GOLD, "content": CONTENT}],
    }
    return json_format.ParseDict(whole | fields, catalog_service_pb2.ApplyCatalogRequest())
