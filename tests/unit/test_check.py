"""madang check: every mistake in the YAML is told at once, with its file, line and a suggestion."""

import re
import textwrap
from pathlib import Path

import pytest

from madang.specs.check import Checked, check_project

REPOSITORY = Path(__file__).parents[2]

DBT_PROJECT = """
    name: madang
    profile: madang
    vars:
      ga4_params:
        model_id: string
        product: string
        tab: string
      score_goals: {seen: {conversion_type: look, within: 14 days}}
      global_holdout: {share: 5, since: "2026-10-01", salt: everyone}
      order_rule: {one_order_per: device, placeholders: ["(not set)", 0], repeat_days: 30}
"""
ACTIONS = """
    models:
      - name: actions
        config:
          meta:
            actions:
              - name: viewed_model
                description: A model's page was opened.
                event: page_view
                page_path: {regex: "^/models/"}
                object_type: model
                object_id: {param: model_id}
              - name: clicked_apply
                event: [apply_click, apply_tap]
                where: {product: [test_drive, charger]}
                object_type: {param: product}
              - {name: visited, source: offline}
              - name: compared_models
                any:
                  - event: view_item_list
                    item: {item_category: SUV, price: {at_least: 30000000}}
                  - {event: compare, where: {tab: {prefix: [price, spec]}, value: {more_than: 1}}}
                page_path: [/compare, /compare/]
                hostname: {contains: maru}
                page_query: {from: {not: mail}}
                not: {where: {product: {exists: false}}}
                object_type: model
                object_id: {item: item_id}
                value: {item: price}
                debounce: 1s
"""
CUSTOMERS = """
    models:
      - name: customers
        columns:
          - name: person_id
          - name: tier
          - name: total_order_amount
          - name: registered_at
          - {name: email, config: {meta: {pii: true}}}
"""
AUDIENCES = """
    models:
      - name: aud_flagship
        config:
          meta:
            audience:
              label: 플래그십 관심 고객
              within: 30 days
              rule:
                any:
                  - did: viewed_model
                    where: {object_id: maru9}
                    at_least: 3
                  - all:
                      - {has: tier, is: [VIP, VVIP]}
                      - not: {has: total_order_amount, at_least: 100000}
                  - did: clicked_apply
                    where: {object_type: test_drive}
                    and_not: visited
                    wait: 1 hour
              consent: {purpose: marketing, channels: [kakao, email]}
"""
STATES = """
    models:
      - name: aud_stuck
        config:
          meta:
            audience:
              label: Stuck
              within: ever
              priority: {list: one, place: 1}
              rule:
                any:
                  - {funnel: test_drive, state: lost, step: viewed_model, for: 3 days}
                  - {in_stage: looking, journey: own, stuck_for: 7 days}
                  - {has: registered_at, within: 30 days}
                  - {did: viewed_model, then: [{did: clicked_apply, within: 1 day}], at_least: 2}
                  - {did: visited, at_most: 2}
              consent: {purpose: marketing, channels: [email]}
      - name: aud_others
        config:
          meta:
            audience:
              label: Others
              within: 7 days
              priority: {list: one, place: 2}
              rule: {all: [{in_audience: [flagship, stuck]}, {sample: 10}]}
              consent: {purpose: marketing, channels: [email]}
              holdout: {share: 20, since: "2026-10-01", until: "2026-12-31", window: 14 days}
"""
STAGES = """
    models:
      - name: person_stages
        config:
          meta:
            stages:
              - name: own
                segments: [tier]
                stages:
                  - name: looking
                    enter: [{did: viewed_model}, {at: registered_at, of: {tier: VIP}}]
                  - {name: came, goes_back: true, enter: [{did: visited}]}
                  - {name: quiet, quiet_for: 60 days}
            scenarios:
              - name: left
                starts: {did: clicked_apply}
                ends: visited
                wait: 1 hour
                cooldown: 7 days
                usable_for: 3 days
"""
FUNNELS = """
    models:
      - name: funnel_test_drive
        config:
          meta:
            funnel:
              label: 시승 신청
              window: 30 days
              steps:
                - {name: viewed_model, action: viewed_model}
                - {name: visited, action: visited, where: {object_type: test_drive}}
"""
CONVERSIONS = """
    models:
      - name: conversions
        config:
          meta:
            conversions:
              - name: test_drive
                label: 시승 신청
                action: clicked_apply
                where: {object_type: test_drive}
                value: {amount: 50000, currency: KRW}
                lookback: 30 days
                verified_by: {action: visited, within: 60 days, value: {amount: 90, currency: KRW}}
              - {name: look, label: Look, action: viewed_model, value: action, lookback: 7 days}
      - name: touches
        config:
          meta:
            touches:
              - {name: branch, action: visited, kind: offline, channel_group: Branch}
      - name: attribution_credits
        config:
          meta:
            attribution_models:
              - {name: u, label: U, kind: position, weights: [0.4, 0.2, 0.4]}
              - {name: decay, label: Decay, kind: time_decay, half_life: 7 days}
              - {name: chain, label: Chain, kind: markov, order: 2}
      - name: tier_history
        config:
          meta:
            tier_rules:
              - {name: VVIP, within: 365 days, value: 3000000, of: [test_drive]}
              - {name: 일반, within: 365 days, conversions: 1}
"""
FILES = {
    "dbt_project.yml": DBT_PROJECT,
    "models/activity/_activity__models.yml": ACTIONS,
    "models/marts/customers/_customers__models.yml": CUSTOMERS,
    "models/marts/audiences/_audiences__models.yml": AUDIENCES,
    "models/marts/audiences/aud_flagship.sql": "{{ audience() }}\n",
    "models/marts/audiences/_states__audiences.yml": STATES,
    "models/marts/audiences/aud_stuck.sql": "{{ audience() }}\n",
    "models/marts/audiences/aud_others.sql": "{{ audience() }}\n",
    "models/marts/journeys/_stages__models.yml": STAGES,
    "seeds/stage_targets.csv": "journey,stage,target_rate,target_days\nown,looking,0.5,\n",
    "models/marts/journeys/_journeys__models.yml": FUNNELS,
    "models/marts/journeys/funnel_test_drive.sql": "{{ funnel() }}\n",
    "seeds/consent_policy.csv": (REPOSITORY / "seeds/consent_policy.csv").read_text(),
    "models/marts/attribution/_attribution__models.yml": CONVERSIONS,
}
STATE_FILE = "models/marts/audiences/_states__audiences.yml"
STAGE_FILE = "models/marts/journeys/_stages__models.yml"
CUSTOMER_FILE = "models/marts/customers/_customers__models.yml"
AUDIENCE_FILE = "models/marts/audiences/_audiences__models.yml"
ACTION_FILE = "models/activity/_activity__models.yml"
CONVERSION_FILE = "models/marts/attribution/_attribution__models.yml"
FUNNEL_FILE = "models/marts/journeys/_journeys__models.yml"


def project(folder: Path, changes: dict[str, tuple[str, str]] | None = None) -> Path:
    """Write a small project; `changes` maps a file to (text, its replacement)."""
    for name, text in FILES.items():
        old, new = (changes or {}).get(name, ("", ""))
        assert old in text, f"{old!r} is not in {name}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text.replace(old, new)).lstrip("\n"), encoding="utf-8")
    return folder


def line(folder: Path, file: str, text: str) -> int:
    """The line of a file on which a text stands."""
    lines = (folder / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, content in enumerate(lines, 1) if text in content)


def told(checked: Checked) -> list[str]:
    return [problem.message for problem in checked.problems]


def test_a_sound_project_has_no_problems(tmp_path: Path) -> None:
    checked = check_project(project(tmp_path))
    assert told(checked) == []
    assert sorted(checked.actions) == [
        "clicked_apply",
        "compared_models",
        "viewed_model",
        "visited",
    ]
    assert set(checked.audiences) == {"flagship", "stuck", "others"}
    assert list(checked.funnels) == ["test_drive"]


@pytest.mark.parametrize(
    ("file", "old", "new", "on", "message"),
    [
        (
            AUDIENCE_FILE,
            "- did: viewed_model",
            "- did: viewed_modle",
            "viewed_modle",
            "Unknown action 'viewed_modle'. Did you mean 'viewed_model'?",
        ),
        (
            AUDIENCE_FILE,
            "and_not: visited",
            "and_not: visitd",
            "visitd",
            "Unknown action 'visitd'. Did you mean 'visited'?",
        ),
        (
            AUDIENCE_FILE,
            "at_least: 3",
            "at_leest: 3",
            "at_leest",
            "Unknown key 'at_leest'. Did you mean 'at_least'?",
        ),
        (
            AUDIENCE_FILE,
            "{has: tier,",
            "{has: teir,",
            "teir",
            "Unknown attribute 'teir': not a column of customers or customer_profiles. "
            "Did you mean 'tier'?",
        ),
        (
            AUDIENCE_FILE,
            "{has: tier,",
            "{has: email,",
            "has: email",
            "'email' holds personal data, so no audience may depend on it.",
        ),
        (
            AUDIENCE_FILE,
            "wait: 1 hour",
            "wait: an hour",
            "an hour",
            "wait: 'an hour' is not a duration such as '30 minutes', '1 hour' or '14 days'.",
        ),
        (
            AUDIENCE_FILE,
            "wait: 1 hour",
            "",
            "did: clicked_apply",
            "'did: clicked_apply' takes 'and_not' and 'wait' together or neither.",
        ),
        (
            AUDIENCE_FILE,
            "{has: tier, is: [VIP, VVIP]}",
            "{has: tier, is: VIP, at_least: 3}",
            "{has: tier",
            "'has: tier' takes exactly one of 'is', 'at_least' and 'at_most'.",
        ),
        (
            AUDIENCE_FILE,
            "within: 30 days",
            "within: 0 days",
            "0 days",
            "within: the duration must be longer than nothing.",
        ),
        (
            AUDIENCE_FILE,
            "consent: {purpose: marketing, channels: [kakao, email]}",
            "",
            "audience:",
            "The key 'consent' is missing.",
        ),
        (
            AUDIENCE_FILE,
            "[kakao, email]",
            "[kakaotalk, email]",
            "kakaotalk",
            "The purpose 'marketing' has no channel 'kakaotalk'. Did you mean 'kakao'?",
        ),
        (
            AUDIENCE_FILE,
            "purpose: marketing,",
            "purpose: advertizing,",
            "advertizing",
            "Unknown purpose 'advertizing'. Did you mean 'advertising'?",
        ),
        (
            AUDIENCE_FILE,
            "consent: {purpose: marketing, channels: [kakao, email]}",
            "consent: [{purpose: marketing, channels: [email]}, {purpose: service, channel: []}]",
            "channel: []",
            "Unknown key 'channel'. Did you mean 'channels'?",
        ),
        (
            AUDIENCE_FILE,
            "where: {object_id: maru9}",
            "where: {object_ids: maru9}",
            "object_ids",
            "Unknown key 'object_ids'. Did you mean 'object_id'?",
        ),
        (
            AUDIENCE_FILE,
            "where: {object_id: maru9}",
            "where: {object_type: branch}",
            "object_type: branch",
            "'viewed_model' always has the object_type 'model': never true.",
        ),
        (
            AUDIENCE_FILE,
            "aud_flagship",
            "flagship",
            "name: flagship",
            "The rule of 'flagship' is in 'meta.audience', so its name must begin with 'aud_'.",
        ),
        (
            AUDIENCE_FILE,
            "aud_flagship",
            "aud_flagshp",
            "aud_flagshp",
            "There is no aud_flagshp.sql for this rule. Did you mean 'aud_flagship'?",
        ),
        (
            STATE_FILE,
            "funnel: test_drive",
            "funnel: test_drife",
            "test_drife",
            "Unknown funnel 'test_drife'. Did you mean 'test_drive'?",
        ),
        (
            STATE_FILE,
            "step: viewed_model",
            "step: viewed_modell",
            "viewed_modell",
            "Unknown step of test_drive 'viewed_modell'. Did you mean 'viewed_model'?",
        ),
        (
            STATE_FILE,
            "state: lost",
            "state: loost",
            "loost",
            "state: 'loost' is not one of open, lost, converted.",
        ),
        (
            STATE_FILE,
            "in_stage: looking",
            "in_stage: lookin",
            "lookin,",
            "Unknown stage 'lookin'. Did you mean 'looking'?",
        ),
        (
            STATE_FILE,
            "journey: own",
            "journey: owm",
            "owm",
            "Unknown journey 'owm'. Did you mean 'own'?",
        ),
        (
            STATE_FILE,
            "{has: registered_at, within: 30 days}",
            "{has: tier, within: 30 days}",
            "has: tier",
            "'tier' is no moment, so it has no 'within'.",
        ),
        (
            STATE_FILE,
            "then: [{did: clicked_apply,",
            "then: [{did: clicked_aply,",
            "clicked_aply",
            "Unknown action 'clicked_aply'. Did you mean 'clicked_apply'?",
        ),
        (
            STATE_FILE,
            "at_most: 2}",
            "at_least: 3, at_most: 2}",
            "at_most: 2}",
            "'did: visited': at_most is less than at_least: never true.",
        ),
        (
            STATE_FILE,
            "{did: visited, at_most: 2}",
            "{did: visited, at_most: 2, scope: session}",
            "scope: session",
            "a session in which nothing was done would meet this, so that it says nothing.",
        ),
        (
            STATE_FILE,
            "{did: visited, at_most: 2}",
            "{all: [{did: visited}, {has: tier, is: VIP}], scope: session}",
            "scope: session",
            "'has' is of the person, and no session meets it.",
        ),
        (
            STATE_FILE,
            "{did: visited, at_most: 2}",
            "{all: [{did: visited, scope: event}, {did: clicked_apply}], scope: session}",
            "scope: event",
            "a scope inside of one session.",
        ),
        (
            STATE_FILE,
            "{did: visited, at_most: 2}",
            "{all: [{did: clicked_apply, and_not: visited, wait: 1 hour}], scope: session}",
            "and_not: visited",
            "'and_not' looks beyond one session.",
        ),
        (
            STATE_FILE,
            "{did: visited, at_most: 2}",
            "{did: visited, first_time: true, scope: event}",
            "first_time",
            "'first_time' looks beyond one event.",
        ),
        (
            STATE_FILE,
            "{did: viewed_model, then: [{did: clicked_apply, within: 1 day}], at_least: 2}",
            "{did: viewed_model, then: [{did: clicked_apply}], scope: event}",
            "scope: event",
            "one event has no step after it.",
        ),
        (
            STATE_FILE,
            "[flagship, stuck]",
            "[flagship, stuk]",
            "stuk",
            "Unknown audience 'stuk'. Did you mean 'stuck'?",
        ),
        (
            STATE_FILE,
            "in_audience: [flagship, stuck]",
            "in_audience: [flagship, others]",
            "[flagship, others]",
            "The audience 'others' asks for itself: others → others.",
        ),
        (
            STATE_FILE,
            "{list: one, place: 2}",
            "{place: 1, list: one}",
            "{place: 1, list: one}",
            "'stuck' has the same place of the list already.",
        ),
        (
            STATE_FILE,
            "sample: 10",
            "sample: 100",
            "sample: 100",
            "sample: must be less than 100 (found 100).",
        ),
        (
            STATE_FILE,
            "share: 20",
            "share: 100",
            "share: 100",
            "share: must be less than 100 (found 100).",
        ),
        (
            STATE_FILE,
            '{share: 20, since: "2026-10-01",',
            "{share: 20,",
            "holdout: {share: 20",
            "The key 'since' is missing.",
        ),
        (
            STATE_FILE,
            'until: "2026-12-31"',
            'until: "2026-09-30"',
            "2026-09-30",
            "holdout: 'until' is before 'since': no person would be held out.",
        ),
        (
            STATE_FILE,
            "window: 14 days",
            "windw: 14 days",
            "windw",
            "Unknown key 'windw'. Did you mean 'window'?",
        ),
        (
            "dbt_project.yml",
            "score_goals: {seen: {conversion_type: look,",
            "score_goals: {seen: {conversion_type: lok,",
            "lok",
            "Unknown type of conversions 'lok'. Did you mean 'look'?",
        ),
        (
            "dbt_project.yml",
            "global_holdout: {share: 5,",
            "global_holdout: {share: none,",
            "share: none",
            "share: 'none' is not a number.",
        ),
        (
            STAGE_FILE,
            "quiet_for: 60 days}",
            "enter: [{did: vistied}]}",
            "vistied",
            "Unknown action 'vistied'. Did you mean 'visited'?",
        ),
        (
            STAGE_FILE,
            "segments: [tier]",
            "segments: [email]",
            "email",
            "'email' holds personal data, so no audience may depend on it.",
        ),
        (
            STAGE_FILE,
            "at: registered_at",
            "at: tier",
            "at: tier",
            "'tier' is no moment, so nobody enters a stage at it.",
        ),
        (
            STAGE_FILE,
            "cooldown: 7 days",
            "",
            "name: left",
            "the scenario 'left' has no 'cooldown'.",
        ),
        (
            "seeds/stage_targets.csv",
            "own,looking",
            "own,loking",
            "loking",
            "Unknown stage 'loking' of own. Did you mean 'looking'?",
        ),
        (
            ACTION_FILE,
            "{param: model_id}",
            "{param: model_ids}",
            "model_ids",
            "Unknown GA4 parameter 'model_ids'. Did you mean 'model_id'?",
        ),
        (
            ACTION_FILE,
            "where: {product:",
            "where: {produkt:",
            "produkt",
            "Unknown GA4 parameter 'produkt'. Did you mean 'product'?",
        ),
        (
            ACTION_FILE,
            "object_type: {param: product}",
            "object_type: {parm: product}",
            "parm: product",
            "Unknown key 'parm'. Did you mean 'param'?",
        ),
        (
            ACTION_FILE,
            '{regex: "^/models/"}',
            '{regex: "^/models/("}',
            "regex",
            "the regex '^/models/(' cannot be read: missing ): ^/models/(.",
        ),
        (
            ACTION_FILE,
            '{regex: "^/models/"}',
            '{regex: ["^/models/", "(?<!a)b"]}',
            "regex",
            "the regex '(?<!a)b' cannot be read: invalid perl operator: (?<.",
        ),
        (
            ACTION_FILE,
            '{regex: "^/models/"}',
            "{prefx: /models/}",
            "prefx",
            "Unknown key 'prefx'. Did you mean 'prefix'?",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "object_id: model_id",
            "object_id",
            "object_id: give {param: <name>} or {item: <name>}.",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "object_id: {item: item_sku}",
            "item_sku",
            "Unknown field of an item 'item_sku'. Did you mean 'item_id'?",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "value: {param: model_id}",
            "value",
            "'model_id' is text, so it cannot be the value.",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "item: {item_categry: SUV}",
            "item_categry",
            "Unknown field of an item 'item_categry'. Did you mean 'item_category'?",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "debounce: 1 day",
            "debounce",
            "debounce: '1 day' is not a duration such as "
            "'500 ms', '1s', '2 seconds' or '1 minute'.",
        ),
        (
            ACTION_FILE,
            "object_id: {param: model_id}",
            "debounce: 0s",
            "debounce",
            "debounce: '0s' is not longer than nothing and at most an hour.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {product: {at_least: 3}}",
            "at_least",
            "'product' is text, so 'at_least' cannot be asked of it.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {value: {prefix: 3}}",
            "prefix",
            "prefix: give one name or a list of names.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {value: {prefix: '3'}}",
            "prefix",
            "'value' is a number, so 'prefix' cannot be asked of it.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {value: {at_least: much}}",
            "much",
            "at_least: 'much' is not a number.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {value: {at_least: 5, less_than: 3}}",
            "at_least: 5",
            "value: no number is above 5 and below 3.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "where: {product: {exists: false, not: charger}}",
            "exists: false",
            "product: what is missing passes no other test: give 'exists: false' alone.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "any: [{where: {product: x}}, {where: {prodct: y}}]",
            "prodct",
            "Unknown GA4 parameter 'prodct'. Did you mean 'product'?",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "not: {wher: {product: x}}",
            "wher:",
            "Unknown key 'wher'. Did you mean 'where'?",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "not: {}",
            "not: {}",
            "an empty condition; give one of event, page_path, hostname, page_query, where, "
            "item, any, all, not.",
        ),
        (
            ACTION_FILE,
            "where: {product: [test_drive, charger]}",
            "page_query: {utm source: x}",
            "utm source",
            "'utm source' is not the name of a query parameter (letters, digits, . _ -).",
        ),
        (
            ACTION_FILE,
            "{name: visited, source: offline}",
            "{name: visited, source: offline, debounce: 1s}",
            "source: offline",
            "'debounce' belongs to actions of GA4 events; "
            "'visited' is delivered by the source 'offline'.",
        ),
        (
            ACTION_FILE,
            "{name: visited, source: offline}",
            "{name: visited, any: [{event: a}, {where: {tab: b}}]}",
            "{name: visited",
            "the action 'visited' takes exactly one of 'event' (a GA4 event name) "
            "and 'source' (another source that delivers it)."
            " An 'any' is enough where each of its blocks has 'event'.",
        ),
        (
            ACTION_FILE,
            "{name: visited, source: offline}",
            "{name: visited}",
            "{name: visited}",
            "the action 'visited' takes exactly one of 'event' (a GA4 event name) "
            "and 'source' (another source that delivers it).",
        ),
        (
            ACTION_FILE,
            "{name: visited, source: offline}",
            "{name: visited, source: offline}\n              - {name: visited, source: crm}",
            "source: crm",
            "Two actions are named 'visited'.",
        ),
        (
            "dbt_project.yml",
            "one_order_per: device",
            "one_order_per: household",
            "order_rule",
            "one_order_per: must be 'person', 'device', 'property' or 'event' (found 'household').",
        ),
        (
            "dbt_project.yml",
            "repeat_days: 30",
            "repeat_day: 30",
            "order_rule",
            "Unknown key 'repeat_day'. Did you mean 'repeat_days'?",
        ),
        (
            "dbt_project.yml",
            "repeat_days: 30",
            "test_ids: '('",
            "order_rule",
            "test_ids: the regex '(' cannot be read: missing ): (.",
        ),
        (
            "dbt_project.yml",
            "tab: string",
            "tab: integer",
            "tab: integer",
            "tab: must be 'string', 'int64' or 'float64' (found 'integer').",
        ),
        (
            "dbt_project.yml",
            "tab: string",
            "tab-name: string",
            "tab-name",
            "'tab-name' is not a name of GA4: a letter, then letters, digits and _.",
        ),
        (
            FUNNEL_FILE,
            "action: visited,",
            "action: visit,",
            "action: visit,",
            "Unknown action 'visit'. Did you mean 'visited'?",
        ),
        (
            FUNNEL_FILE,
            "{name: visited,",
            "{name: viewed_model,",
            "steps:",
            "two steps are named 'viewed_model'.",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "windows: 30 days",
            "windows: 30 days",
            "Unknown key 'windows'. Did you mean 'window'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 0 days",
            "window: 0 days",
            "window: the duration must be longer than nothing.",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "semantics: mixpannel",
            "semantics: mixpannel",
            "semantics: 'mixpannel' is unknown. Did you mean 'mixpanel'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              order: strickt",
            "order: strickt",
            "order: 'strickt' is unknown. Did you mean 'strict'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              re_entry: first",
            "re_entry: first",
            "Unknown key 're_entry'. Did you mean 'reentry'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              exclude: [{action: clicked_aply}]",
            "clicked_aply",
            "Unknown action 'clicked_aply'. Did you mean 'clicked_apply'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              exclude: [{action: clicked_apply, after: visitd}]",
            "visitd",
            "Unknown step 'visitd'. Did you mean 'visited'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              exclude: [{action: viewed_model}]",
            "exclude:",
            "The exclusion 'viewed_model' is the step 'viewed_model'.",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              breakdown: {by: campaign, at: viewd_model}",
            "viewd_model",
            "Unknown step 'viewd_model'. Did you mean 'viewed_model'?",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              breakdown: {by: device_id}",
            "device_id",
            "by: 'device_id' is unknown. Known: object_id, object_type, object_name, campaign, "
            "channel_group, source.",
        ),
        (
            FUNNEL_FILE,
            "window: 30 days",
            "window: 30 days\n              hold: aplication",
            "hold:",
            "hold: 'aplication' is unknown. Did you mean 'application'?",
        ),
        (
            FUNNEL_FILE,
            "{name: viewed_model, action: viewed_model}",
            "{name: viewed_model, action: viewed_model, optional: true}",
            "steps:",
            "steps: the first and the last step cannot be optional.",
        ),
        (
            FUNNEL_FILE,
            "                - {name: viewed_model, action: viewed_model}\n",
            "",
            "steps:",
            "a funnel needs two steps or more.",
        ),
        (
            CONVERSION_FILE,
            "value: {amount: 50000, currency: KRW}",
            "description: worth nothing",
            "name: test_drive",
            "The key 'value' is missing.",
        ),
        (
            CONVERSION_FILE,
            "amount: 50000, currency: KRW",
            "amount: 50000, currency: USD",
            "name: test_drive",
            "'test_drive' has two currencies, USD and KRW: a conversion type has one.",
        ),
        (
            CONVERSION_FILE,
            "amount: 50000, currency: KRW",
            "amount: 50000, currency: [KRW, USD]",
            "[KRW, USD]",
            "a conversion type has one currency, not several (KRW, USD).",
        ),
        (
            CONVERSION_FILE,
            "value: {amount: 50000, currency: KRW}",
            "value: revenue",
            "value: revenue",
            "value: give action (the amount of the activity), or {amount: 50000, currency: KRW}.",
        ),
        (
            CONVERSION_FILE,
            "value: {amount: 50000, currency: KRW}",
            "value: action",
            "name: test_drive",
            "the verified value of 'test_drive' is a fixed amount, so its 'value' must be one.",
        ),
        (
            CONVERSION_FILE,
            "action: visited",
            "action: visit",
            "action: visit",
            "Unknown action 'visit'. Did you mean 'visited'?",
        ),
        (
            CONVERSION_FILE,
            "lookback: 30 days",
            "lookback: 30 hours",
            "lookback: 30 hours",
            "lookback: '30 hours' is not a number of days such as '30 days'.",
        ),
        (
            CONVERSION_FILE,
            "name: look,",
            "name: test_drive,",
            "name: test_drive,",
            "Two of 'conversions' are named 'test_drive'.",
        ),
        (
            CONVERSION_FILE,
            "[0.4, 0.2, 0.4]",
            "[0.4, 0.2, 0.3]",
            "[0.4, 0.2, 0.3]",
            "weights are not negative and add up to 1; 0.4 + 0.2 + 0.3 is 0.9.",
        ),
        (
            CONVERSION_FILE,
            "[0.4, 0.2, 0.4]",
            "[0.5, 0.5]",
            "[0.5, 0.5]",
            "give three weights: of the first touch, all between, and the last.",
        ),
        (
            CONVERSION_FILE,
            "half_life: 7 days",
            "half_life: 0 days",
            "half_life: 0 days",
            "half_life: the duration must be longer than nothing.",
        ),
        (
            CONVERSION_FILE,
            ", half_life: 7 days",
            "",
            "name: decay",
            "a model of the kind time_decay takes 'half_life'.",
        ),
        (
            CONVERSION_FILE,
            "order: 2",
            "order: 2, half_life: 7 days",
            "name: chain",
            "'half_life' belongs to models of the kind time_decay, not markov.",
        ),
        (
            CONVERSION_FILE,
            "of: [test_drive]",
            "of: [test_drives]",
            "of: [test_drives]",
            "Unknown type of conversions 'test_drives'. Did you mean 'test_drive'?",
        ),
        (
            CONVERSION_FILE,
            "within: 365 days, conversions: 1",
            "within: 365 days",
            "name: 일반",
            "the tier '일반' needs 'value' (a verified amount) or 'conversions' "
            "(how many verified ones).",
        ),
        (
            CONVERSION_FILE,
            "order: 2",
            "ordr: 2",
            "ordr: 2",
            "Unknown key 'ordr'. Did you mean 'order'?",
        ),
        (
            CONVERSION_FILE,
            "kind: offline, channel_group: Branch",
            "kind: offline, channel_group: Branch, same_visit: 1 hour",
            "name: branch",
            "'same_visit' belongs to touches of the kind message_click; "
            "'branch' is of the kind offline.",
        ),
        (
            CONVERSION_FILE,
            "action: visited, kind",
            "action: visits, kind",
            "name: branch",
            "Unknown action 'visits'. Did you mean 'visited'?",
        ),
        (
            CONVERSION_FILE,
            "lookback: 7 days",
            "lookback: 7 days, reduced_by: visited, taken_back_by: [visited]",
            "name: look,",
            "'visited' stands in 'taken_back_by' and in 'reduced_by'.",
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, file: str, old: str, new: str, on: str, message: str
) -> None:
    folder = project(tmp_path, {file: (old, new)})
    checked = check_project(folder)
    matching = [problem for problem in checked.problems if problem.message == message]
    assert matching, told(checked)
    assert (matching[0].file, matching[0].line) == (file, line(folder, file, on))


def test_one_mistake_is_told_once(tmp_path: Path) -> None:
    changes = {ACTION_FILE: ("event: page_view", "event: {}")}
    assert told(check_project(project(tmp_path, changes))) == [
        "event: give one name or a list of names."
    ]


def test_a_misspelt_kind_of_rule_suggests_the_kind(tmp_path: Path) -> None:
    changes = {AUDIENCE_FILE: ("- {has: tier,", "- {hass: tier,")}
    messages = told(check_project(project(tmp_path, changes)))
    assert "Unknown key 'hass'. Did you mean 'has'?" in messages


def test_two_kinds_in_one_rule_are_refused(tmp_path: Path) -> None:
    changes = {AUDIENCE_FILE: ("at_least: 3", "has: tier")}
    messages = told(check_project(project(tmp_path, changes)))
    assert any(
        message.startswith("A rule takes exactly one of any, all, not, did, has")
        for message in messages
    ), messages


@pytest.mark.parametrize(
    "part",
    [
        "{did: visited, at_least: 2, scope: session}",
        "{all: [{did: viewed_model}, {not: {did: visited}}], scope: session}",
        "{any: [{did: visited}, {did: viewed_model, at_most: 2, at_least: 1}], scope: event}",
        "{not: {did: viewed_model, then: [{did: visited}], scope: session}}",
    ],
)
def test_one_session_or_event_may_have_to_meet_a_part(tmp_path: Path, part: str) -> None:
    changes = {STATE_FILE: ("{did: visited, at_most: 2}", part)}
    assert told(check_project(project(tmp_path, changes))) == []


def test_a_rule_without_any_window_is_told(tmp_path: Path) -> None:
    changes = {AUDIENCE_FILE: ("within: 30 days", "")}
    assert "'did: viewed_model' has no window." in told(check_project(project(tmp_path, changes)))


def test_sql_without_yaml_and_sql_that_ignores_its_rule_are_told(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "models/marts/audiences/aud_other.sql").write_text("{{ audience() }}\n")
    (folder / "models/marts/journeys/funnel_test_drive.sql").write_text("select 1\n")
    problems = {problem.file: problem.message for problem in check_project(folder).problems}
    assert problems == {
        "models/marts/audiences/aud_other.sql": "The model 'aud_other' has no rule.",
        "models/marts/journeys/funnel_test_drive.sql": "The model does not call "
        "{{ madang.funnel() }}, so its rule has no effect.",
    }


def test_a_model_described_in_two_files_is_told(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "models/marts/more.yml").write_text("models:\n  - name: customers\n")
    assert told(check_project(folder)) == [
        "The model 'customers' is described twice "
        "(first in models/marts/customers/_customers__models.yml:2)."
    ]


def test_broken_yaml_does_not_hide_the_other_problems(tmp_path: Path) -> None:
    folder = project(tmp_path, {AUDIENCE_FILE: ("did: viewed_model", "did: nobody_did")})
    (folder / "models/broken.yml").write_text("models: [\n")
    (folder / "models/double.yml").write_text("version: 2\nmodels: []\nmodels: []\n")
    problems = {problem.where: problem.message for problem in check_project(folder).problems}
    assert problems["models/broken.yml:2"].startswith("Not valid YAML: ")
    assert problems["models/double.yml:3"] == "The key 'models' stands twice (first on line 2)."
    assert "Unknown action 'nobody_did'." in problems.values()


def test_an_action_with_a_mistake_is_not_also_called_unknown(tmp_path: Path) -> None:
    changes = {ACTION_FILE: ("event: page_view", "evnt: page_view")}
    messages = told(check_project(project(tmp_path, changes)))
    assert "Unknown key 'evnt'. Did you mean 'event'?" in messages
    assert not any(message.startswith("Unknown action") for message in messages)


SOURCES = """
    version: 2
    sources:
      - name: crm
        tables:
          - name: customers
            config:
              freshness: {warn_after: {count: 7, period: day}}
              meta: {load: {files: ["crm/*.csv"], mode: snapshot, key: [customer_no]}}
            columns: [{name: customer_no}]
      - name: notices
        tables:
          - name: notices
            config:
              meta: {load: {files: ["notices/*.csv"], mode: delta, key: [notice_id]}}
            columns: [{name: notice_id}]
"""


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("crm", None),
        ("crn", "there is no source 'crn'. Did you mean 'crm'?"),
        ("notices", "'notices' declares no cadence, so it is never late."),
    ],
)
def test_what_an_audience_wants_fresh_is_a_source_with_a_cadence(
    tmp_path: Path, wanted: str, says: str | None
) -> None:
    folder = project(tmp_path)
    path = folder / "models/staging/any/_any__sources.yml"
    path.parent.mkdir(parents=True)
    path.write_text(textwrap.dedent(SOURCES), encoding="utf-8")
    audiences = folder / AUDIENCE_FILE
    text = audiences.read_text(encoding="utf-8")
    line = "consent: {purpose: marketing, channels: [kakao, email]}"
    indent = " " * (text.index(line) - text.rindex("\n", 0, text.index(line)) - 1)
    wants = f"{line}\n{indent}requires_fresh: [{wanted}]"
    audiences.write_text(text.replace(line, wants), encoding="utf-8")
    problems = [problem.message for problem in check_project(folder).problems]
    if says:
        assert any(says in message for message in problems), problems
    else:
        assert not problems


@pytest.mark.parametrize("written", ["NO", "off", "0123", "1.10", "1.0", "1_000", "1:30", "0x1F"])
@pytest.mark.parametrize("written_as", ["{0}", "[shown, {0}]", "{{equals: {0}}}", "{{not: {0}}}"])
def test_a_value_that_yaml_makes_something_else_of_is_to_be_quoted(
    tmp_path: Path, written: str, written_as: str
) -> None:
    wanted = f"where: {{product: {written_as.format(written)}}}"
    folder = project(tmp_path, {ACTION_FILE: ("where: {product: [test_drive, charger]}", wanted)})
    (problem,) = check_project(folder).problems
    assert (problem.file, problem.line) == (ACTION_FILE, line(folder, ACTION_FILE, wanted))
    assert f'"{written}"' in (problem.fix or "")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("~", "product: ~ is nothing to YAML."),
        ("null", "product: null is nothing to YAML."),
        ("", "product: nothing stands here."),
        ("2026-10-05", "product: 2026-10-05 is a date to YAML, and no text."),
        (".inf", "product: .inf is no number that can be compared."),
        (".nan", "product: .nan is no number that can be compared."),
        ("y", "product: y is not the same to every reader of YAML."),
        ("0o17", "product: 0o17 is not the same to every reader of YAML."),
        ("1e3", "product: 1e3 is not the same to every reader of YAML."),
        ("Yes", "product: Yes becomes true in YAML."),
        ("2026-02-30", "'2026-02-30' looks like a date, and is none."),
    ],
)
def test_a_value_that_is_no_text_says_what_it_is(tmp_path: Path, written: str, says: str) -> None:
    wanted = f"where: {{product: {written}}}"
    changes = {ACTION_FILE: ("where: {product: [test_drive, charger]}", wanted)}
    assert says in told(check_project(project(tmp_path, changes)))


@pytest.mark.parametrize("written", ["true", "false", "12", "-5", "1.5", "'NO'", '"0123"', "maru9"])
def test_a_value_that_means_what_is_written_needs_no_quotes(tmp_path: Path, written: str) -> None:
    wanted = f"where: {{product: {written}}}"
    changes = {ACTION_FILE: ("where: {product: [test_drive, charger]}", wanted)}
    assert told(check_project(project(tmp_path, changes))) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (AUDIENCE_FILE, "{object_id: maru9}", "{object_id: 0123}", "object_id: 0123 becomes 83"),
        (AUDIENCE_FILE, "is: [VIP, VVIP]", "is: [NO, VIP]", "is: NO becomes false"),
        (AUDIENCE_FILE, "label: 플래그십 관심 고객", "label: NO", "label: NO becomes false"),
        (AUDIENCE_FILE, "at_least: 3", "at_least: 010", "at_least: 010 becomes 8"),
        (
            AUDIENCE_FILE,
            "at_least: 100000",
            "at_least: 100_000",
            "at_least: 100_000 becomes 100000",
        ),
        (AUDIENCE_FILE, "[kakao, email]", "[no, email]", "channels: no becomes false"),
        (FUNNEL_FILE, "{object_type: test_drive}", "{object_type: on}", "object_type: on becomes"),
        (ACTION_FILE, "{product: {exists: false}}", "{on: x}", "The key on becomes true"),
        ("dbt_project.yml", '"(not set)", 0', '"(not set)", 007', "placeholders: 007 becomes 7"),
        ("dbt_project.yml", "tab: string", "no: string", "The key no becomes false"),
        (
            "dbt_project.yml",
            "vars:",
            "vars:\n      own_hostnames: [NO]",
            "own_hostnames: NO becomes false",
        ),
    ],
)
def test_no_rule_takes_another_value_than_the_one_written(
    tmp_path: Path, file: str, old: str, new: str, says: str
) -> None:
    checked = check_project(project(tmp_path, {file: (old, new)}))
    assert [message for message in told(checked) if message.startswith(says)], told(checked)
    assert not [message for message in told(checked) if "Input should" in message]


def test_a_price_may_end_in_a_nought(tmp_path: Path) -> None:
    changes = {ACTION_FILE: ("{at_least: 30000000}", "{at_least: 19.90}")}
    assert told(check_project(project(tmp_path, changes))) == []


def test_the_choices_of_a_source_and_a_sync_are_held_to_their_text_too(tmp_path: Path) -> None:
    folder = project(tmp_path)
    path = folder / "models/staging/any/_any__sources.yml"
    path.parent.mkdir(parents=True)
    column = "{name: customer_no, config: {meta: {type: choice, choices: {allowed: [yes, NO]}}}}"
    text = textwrap.dedent(SOURCES).replace("{name: customer_no}", column)
    path.write_text(text, encoding="utf-8")
    assert told(check_project(folder)) == [
        "allowed: NO becomes false in YAML.",
        "allowed: yes becomes true in YAML.",
    ]


KEY = "{{ env_var('MADANG_BRAZE_KEY') }}"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (AUDIENCE_FILE, "label: 플래그십 관심 고객", f'label: "{KEY}"'),
        (AUDIENCE_FILE, "within: 30 days", "within: \"{{ var('days') }} days\""),
        (AUDIENCE_FILE, "{object_id: maru9}", '{object_id: "{% if true %}x{% endif %}"}'),
        (ACTION_FILE, "description: A model's page was opened.", f'description: "{KEY}"'),
        (ACTION_FILE, "- name: actions", f'- name: actions\n        description: "Is {KEY}."'),
        (ACTION_FILE, "- name: actions", f'- name: actions\n        group: "{KEY}"'),
        (CUSTOMER_FILE, "- name: tier", f'- {{name: tier, description: "{KEY}"}}'),
        ("dbt_project.yml", "vars:", f'vars:\n      currency: "{KEY}"'),
        ("dbt_project.yml", "profile: madang", f'profile: madang\n    query-comment: "{KEY}"'),
    ],
)
def test_jinja_in_what_is_data_is_told_with_its_line(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    folder = project(tmp_path, {file: (old, textwrap.dedent(new))})
    found = check_project(folder).problems
    (problem,) = [one for one in found if "Jinja" in one.message or "secret" in one.message]
    sign = "{%" if "{%" in new else "{{"
    assert (problem.file, problem.line) == (file, line(folder, file, sign))


MORE = """
    version: 2
    sources:
      - name: crm
        schema: "{{ target.schema }}_raw"
        database: "{{ env_var('MADANG_GA4_PROJECT', target.database) }}"
        tables: [{name: other}]
    models:
      - name: more
        description: "{{ doc('more') }}"
        config: {enabled: "{{ var('more', true) }}"}
        columns:
          - name: more_key
            description: See {{ doc("madang", "keys") }}.
            data_tests: [{accepted_values: {arguments: {values: "{{ var('keys', []) }}"}}}]
"""


def test_jinja_is_right_where_dbt_takes_code(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "models/marts/more.yml").write_text(textwrap.dedent(MORE), encoding="utf-8")
    assert told(check_project(folder)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{{ doc('more') }}", "{{ env_var('HOME') }}"),
        ("{{ doc('more') }}", "{{ doc(env_var('HOME')) }}"),
        ("env_var('MADANG_GA4_PROJECT', target.database)", "env_var('MADANG_BRAZE_KEY')"),
        ("{{ var('keys', []) }}", "{{ env_var('MADANG_BRAZE_KEY') }}"),
        ("{{ var('more', true) }}", "{{ env_var('GITHUB_TOKEN') }}"),
        ("{{ var('more', true) }}", "{{ env_var('X' ~ 'Y') }}"),
    ],
)
def test_what_dbt_renders_reads_no_environment_that_is_secret(
    tmp_path: Path, old: str, new: str
) -> None:
    folder = project(tmp_path)
    text = textwrap.dedent(MORE)
    assert old in text
    path = folder / "models/marts/more.yml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    (problem,) = check_project(folder).problems
    assert (problem.file, problem.line) == (
        "models/marts/more.yml",
        line(folder, "models/marts/more.yml", new),
    )


@pytest.mark.parametrize("folder", ["models/marts", "macros/own", "tests/data", "snapshots"])
@pytest.mark.parametrize(
    "call", ["env_var('MADANG_BRAZE_KEY', 'none')", 'env_var( "OWN_NAME" )', "env_var(name)"]
)
def test_sql_that_reads_a_secret_is_told(tmp_path: Path, folder: str, call: str) -> None:
    root = project(tmp_path)
    path = root / folder / "own.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"select 1 as a,\n    '{{{{ {call} }}}}' as b\n", encoding="utf-8")
    (problem,) = check_project(root, secrets={"OWN_NAME"}).problems
    assert problem.where == f"{folder}/own.sql:2"


def test_sql_may_read_what_is_no_secret(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "models/marts/own.sql").write_text("select '{{ env_var('MADANG_SCHEMA') }}' as a\n")
    assert told(check_project(root, secrets={"OWN_NAME"})) == []


def test_all_mistakes_of_a_rule_are_told_at_once(tmp_path: Path) -> None:
    """A misspelt key, a name and a value that are none, an object that never is, in one rule."""
    folder = project(tmp_path)
    path = folder / AUDIENCE_FILE
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("did: viewed_model", "did: viewed_modle"),
        ("at_least: 3", "at_leest: 0"),
        ("has: tier", "has: teir"),
        ("within: 30 days", "within: 30 dyas"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    assert sorted(told(check_project(folder))) == [
        "Unknown action 'viewed_modle'. Did you mean 'viewed_model'?",
        "Unknown attribute 'teir': not a column of customers or customer_profiles. "
        "Did you mean 'tier'?",
        "Unknown key 'at_leest'. Did you mean 'at_least'?",
        "at_least: must be greater than or equal to 1 (found 0).",
        "within: '30 dyas' is not a duration such as '30 minutes', '1 hour' or '14 days'.",
    ]


@pytest.mark.parametrize("written", ["many", "[1]", "{a: 1}", "true"])
def test_a_value_of_the_wrong_kind_is_told_once_in_plain_words(
    tmp_path: Path, written: str
) -> None:
    changes = {AUDIENCE_FILE: ("at_least: 100000", f"at_least: {written}")}
    (message,) = told(check_project(project(tmp_path, changes)))
    assert re.match(r"at_least: (must be|'many' is not|true is no)", message), message
    assert not [word for word in ("Input", "valid", "int:", "float:", "dict") if word in message]


def test_a_file_that_cannot_be_read_blames_no_other(tmp_path: Path) -> None:
    folder = project(tmp_path, {AUDIENCE_FILE: ("label: 플래그십", "label: [플래그십")})
    (problem,) = check_project(folder).problems
    assert problem.message.startswith("Not valid YAML")
