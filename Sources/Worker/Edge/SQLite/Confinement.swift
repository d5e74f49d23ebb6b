import CSQLite

/// The independent layers that keep a statement inside its databases. All are on in service; the tests switch all but one off to
/// show what each holds by itself. None trusts another.
struct Confinement: OptionSet, Sendable {
    let rawValue: UInt16

    /// The file is opened without the right to write. Stops writes to it; stops neither ATTACH nor VACUUM INTO.
    static let readOnlyOpen = Confinement(rawValue: 1 << 0)
    /// `PRAGMA query_only`: also stops VACUUM INTO, but a statement could switch it off again.
    static let queryOnly = Confinement(rawValue: 1 << 1)
    /// The connection's own switches: see `switches`.
    static let switches = Confinement(rawValue: 1 << 2)
    /// Sizes and counts: see `limits`.
    static let limits = Confinement(rawValue: 1 << 3)
    /// Every name a statement uses is asked for at compile time; what is not listed is denied.
    static let authorizer = Confinement(rawValue: 1 << 4)
    /// The text is compiled first against a schema that holds nothing but the allowed objects.
    static let shadow = Confinement(rawValue: 1 << 5)
    /// One statement, read-only, no EXPLAIN, with a result.
    static let statementChecks = Confinement(rawValue: 1 << 6)
    /// A deadline and a cancel flag looked at every `opcodesPerCheck` instructions.
    static let interruption = Confinement(rawValue: 1 << 7)

    static let all: Confinement = [
        .readOnlyOpen, .queryOnly, .switches, .limits, .authorizer, .shadow, .statementChecks, .interruption,
    ]

    /// Instructions of the virtual machine between two looks at the clock: 10 to 100 µs.
    static let opcodesPerCheck: Int32 = 1_000

    /// (option, value): what the vendored build of a careful project would compile in or out.
    static let switchTable: [(Int32, Int32)] = [
        (SQLITE_DBCONFIG_DEFENSIVE, 1),
        (SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
        (SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
        (SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0),
        (SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0),
        (SQLITE_DBCONFIG_DQS_DML, 0),
        (SQLITE_DBCONFIG_DQS_DDL, 0),
        (SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
        (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1),
    ]

    /// (limit, value): SQLite's "high security" column, with EXPR_DEPTH, COMPOUND_SELECT and VARIABLE_NUMBER relaxed for
    /// analytical queries.
    static let limitTable: [(Int32, Int32)] = [
        (SQLITE_LIMIT_LENGTH, 1_000_000),
        (SQLITE_LIMIT_SQL_LENGTH, 100_000),
        (SQLITE_LIMIT_COLUMN, 100),
        (SQLITE_LIMIT_EXPR_DEPTH, 100),
        (SQLITE_LIMIT_COMPOUND_SELECT, 20),
        (SQLITE_LIMIT_VDBE_OP, 25_000),
        (SQLITE_LIMIT_FUNCTION_ARG, 8),
        (SQLITE_LIMIT_ATTACHED, 0),
        (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
        (SQLITE_LIMIT_VARIABLE_NUMBER, 100),
        (SQLITE_LIMIT_TRIGGER_DEPTH, 10),
        (SQLITE_LIMIT_WORKER_THREADS, 0),
    ]
}
