"""GoogleSQL's switches as BigQuery has them set: language features, name rules, time zone."""

from zetasql.wasi._pb2.zetasql.proto import options_pb2, simple_catalog_pb2
from zetasql.wasi._pb2.zetasql.public import options_pb2 as public_options_pb2
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2


def _words(text: str) -> list[str]:
    return text.split()


# As Google publishes them: GoogleCloudPlatform/zetasql-toolkit, BigQueryLanguageOptions.java.
PUBLISHED = _words("""
ALLOW_MISSING_PATH_EXPRESSION_IN_ALTER_DDL ALTER_COLUMN_SET_DATA_TYPE ALTER_TABLE_RENAME_COLUMN
ANALYTIC_FUNCTIONS ANONYMIZATION BIGNUMERIC_TYPE CBRT_FUNCTIONS
CREATE_EXTERNAL_TABLE_WITH_CONNECTION CREATE_EXTERNAL_TABLE_WITH_PARTITION_COLUMNS
CREATE_EXTERNAL_TABLE_WITH_TABLE_ELEMENT_LIST CREATE_MATERIALIZED_VIEW_CLUSTER_BY
CREATE_MATERIALIZED_VIEW_PARTITION_BY CREATE_SNAPSHOT_TABLE CREATE_TABLE_AS_SELECT_COLUMN_LIST
CREATE_TABLE_CLONE CREATE_TABLE_CLUSTER_BY CREATE_TABLE_COPY CREATE_TABLE_FIELD_ANNOTATIONS
CREATE_TABLE_FUNCTION CREATE_TABLE_LIKE CREATE_TABLE_NOT_NULL CREATE_TABLE_PARTITION_BY
CREATE_VIEW_WITH_COLUMN_LIST DML_UPDATE_WITH_JOIN ENCRYPTION FOREIGN_KEYS GEOGRAPHY
GROUP_BY_ROLLUP INTERVAL_TYPE INVERSE_TRIG_FUNCTIONS JSON_ARRAY_FUNCTIONS JSON_TYPE
JSON_VALUE_EXTRACTION_FUNCTIONS NAMED_ARGUMENTS NUMERIC_TYPE PARAMETERIZED_TYPES
PARAMETERS_IN_GRANTEE_LIST ROUND_WITH_ROUNDING_MODE TABLESAMPLE TABLE_VALUED_FUNCTIONS
TEMPLATE_FUNCTIONS TIMESTAMP_NANOS TIME_BUCKET_FUNCTIONS UNENFORCED_PRIMARY_KEYS
V_1_1_HAVING_IN_AGGREGATE V_1_1_LIMIT_IN_AGGREGATE V_1_1_NULL_HANDLING_MODIFIER_IN_AGGREGATE
V_1_1_NULL_HANDLING_MODIFIER_IN_ANALYTIC V_1_1_ORDER_BY_IN_AGGREGATE
V_1_1_SELECT_STAR_EXCEPT_REPLACE V_1_1_WITH_ON_SUBQUERY V_1_2_CIVIL_TIME V_1_2_SAFE_FUNCTION_CALL
V_1_2_WEEK_WITH_WEEKDAY V_1_3_ADDITIONAL_STRING_FUNCTIONS V_1_3_ALLOW_DASHES_IN_TABLE_NAME
V_1_3_ALLOW_REGEXP_EXTRACT_OPTIONALS V_1_3_ANNOTATION_FRAMEWORK V_1_3_CASE_STMT
V_1_3_COLLATION_SUPPORT V_1_3_COLUMN_DEFAULT_VALUE V_1_3_CONCAT_MIXED_TYPES V_1_3_DATE_ARITHMETICS
V_1_3_DATE_TIME_CONSTRUCTORS V_1_3_DECIMAL_ALIAS V_1_3_EXTENDED_DATE_TIME_SIGNATURES
V_1_3_EXTENDED_GEOGRAPHY_PARSERS V_1_3_FORMAT_IN_CAST V_1_3_FOR_IN V_1_3_IS_DISTINCT
V_1_3_LIKE_ANY_SOME_ALL V_1_3_NULLS_FIRST_LAST_IN_ORDER_BY V_1_3_OMIT_INSERT_COLUMN_LIST
V_1_3_PIVOT V_1_3_QUALIFY V_1_3_REMOTE_FUNCTION V_1_3_REPEAT V_1_3_SCRIPT_LABEL
V_1_3_UNNEST_AND_FLATTEN_ARRAYS V_1_3_UNPIVOT V_1_3_WITH_GROUP_ROWS V_1_3_WITH_RECURSIVE
V_1_4_ARRAY_AGGREGATION_FUNCTIONS V_1_4_REMOTE_MODEL V_1_4_GROUPING_BUILTIN V_1_4_GROUPING_SETS
V_1_4_GROUP_BY_ALL
""")

# In BigQuery's release notes since that list was written.
RELEASED_SINCE = _words("""
ARRAY_FIND_FUNCTIONS FOR_SYSTEM_TIME_AS_OF JSON_CONSTRUCTOR_FUNCTIONS JSON_KEYS_FUNCTION
JSON_LAX_VALUE_EXTRACTION_FUNCTIONS JSON_MORE_VALUE_EXTRACTION_FUNCTIONS JSON_MUTATOR_FUNCTIONS
PIPES RANGE_TYPE V_1_4_BY_NAME V_1_4_CORRESPONDING V_1_4_CORRESPONDING_FULL V_1_4_FIRST_AND_LAST_N
""")


def language_options() -> options_pb2.LanguageOptionsProto:
    """The language as BigQuery speaks it, every kind of statement allowed."""
    features = public_options_pb2.LanguageFeature
    return options_pb2.LanguageOptionsProto(
        name_resolution_mode=public_options_pb2.NAME_RESOLUTION_DEFAULT,
        product_mode=public_options_pb2.PRODUCT_EXTERNAL,
        enabled_language_features=[
            features.Value(f"FEATURE_{name}") for name in [*PUBLISHED, *RELEASED_SINCE]
        ],
        supported_statement_kinds=_statement_kinds(),
        reserved_keywords=["QUALIFY"],
    )


def analyzer_options(*, prune: bool = False) -> options_pb2.AnalyzerOptionsProto:
    """Options of an analysis. `prune` leaves of every table only the columns that are really read.

    BigQuery's default time zone is UTC; the engine's own is America/Los_Angeles.
    """
    return options_pb2.AnalyzerOptionsProto(
        language_options=language_options(),
        default_timezone="UTC",
        error_message_mode=public_options_pb2.ERROR_MESSAGE_ONE_LINE,
        prune_unused_columns=prune,
    )


def empty_catalog() -> simple_catalog_pb2.SimpleCatalogProto:
    """A catalog with the built-in functions and nothing else."""
    return simple_catalog_pb2.SimpleCatalogProto(
        name="root",
        builtin_function_options=options_pb2.ZetaSQLBuiltinFunctionOptionsProto(
            language_options=language_options()
        ),
    )


def _statement_kinds() -> list[int]:
    kinds = resolved_node_kind_pb2.ResolvedNodeKind
    return [number for name, number in kinds.items() if "STMT" in name or "ACTION" in name]
