import Base

/// The functions a query may call: pure in their arguments, bounded in memory by SQLITE_LIMIT_LENGTH and in time by the deadline.
/// Left out on purpose: what allocates by a number alone (`randomblob`, `zeroblob`), what reveals the engine, its files or its
/// connection (`sqlite_*`, `changes`, `last_insert_rowid`), and what loads code (`load_extension`, `fts3_tokenizer`, `fts5`).
enum AllowedFunctions {
    /// Lower-case names as the engine reports them to the authorizer.
    static let names: Set<[UInt8]> = Set(Self.list.map { [UInt8]($0) })

    /// Table-valued functions over their own arguments.
    static let tables: Set<[UInt8]> = [[UInt8]("json_each"), [UInt8]("json_tree")]

    private static let list: [StaticString] = [
        // Core.
        "abs", "char", "coalesce", "concat", "concat_ws", "format", "glob", "hex", "if", "ifnull", "iif", "instr", "length",
        "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nullif", "octet_length", "printf", "quote", "random",
        "replace", "round", "rtrim", "sign", "soundex", "substr", "substring", "trim", "typeof", "unhex", "unicode", "unistr",
        "unlikely", "upper",
        // Dates.
        "current_date", "current_time", "current_timestamp", "date", "datetime", "julianday", "strftime", "time", "timediff",
        "unixepoch",
        // Aggregates and windows.
        "avg", "count", "cume_dist", "dense_rank", "first_value", "group_concat", "lag", "last_value", "lead", "median",
        "nth_value", "ntile", "percent_rank", "percentile", "percentile_cont", "percentile_disc", "rank", "row_number",
        "string_agg", "sum", "total",
        // Mathematics.
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh", "degrees", "exp", "floor",
        "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
        // JSON.
        "->", "->>", "json", "json_array", "json_array_length", "json_error_position", "json_extract", "json_group_array",
        "json_group_object", "json_insert", "json_object", "json_patch", "json_pretty", "json_quote", "json_remove",
        "json_replace", "json_set", "json_type", "json_valid",
    ]
}
