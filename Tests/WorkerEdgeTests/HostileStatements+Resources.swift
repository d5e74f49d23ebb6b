@testable import WorkerEdge

/// Texts that want too much memory or time.
extension HostileGroup {
    static let sizes = HostileGroup(
        name: "sizes", held: [.limits],
        statements: [
            "SELECT randomblob(200000000)",
            "SELECT printf('%.*c', 1000000000, 'x')",
            "SELECT printf('%1000000000d', 1)",
            "SELECT printf('%.1000000000f', 1.5)",
            "SELECT format('%s%s', printf('%0900000d', 1), printf('%0900000d', 1))",
            "SELECT format('%-5.2147483647c', 'x')",
            "SELECT name FROM goods WHERE printf('%d %.*c', id, 2147483647, 'x') = name",
            "SELECT trim(hex(zeroblob(400000)), hex(zeroblob(400000)) || '1')",
            "SELECT ltrim(hex(zeroblob(400000)), hex(zeroblob(40000)))",
            "SELECT rtrim(hex(zeroblob(400000)), hex(zeroblob(40000)))",
            "SELECT instr(hex(zeroblob(400000)), hex(zeroblob(200000)) || '1')",
            "SELECT replace(hex(zeroblob(400000)), hex(zeroblob(200000)) || '1', '')",
            "SELECT json_patch('[' || hex(zeroblob(400000)) || ']', '[' || hex(zeroblob(400000)) || ']')",
            "SELECT zeroblob(1000000000)",
            "SELECT length(zeroblob(2000000))",
            "SELECT hex(zeroblob(900000))",
            "SELECT replace(hex(zeroblob(50000)), '0', 'xxxxxxxxxxxxxxxxxxxx')",
            "SELECT quote(zeroblob(800000))",
            "SELECT group_concat(a.x, '') FROM (SELECT hex(zeroblob(450000)) AS x UNION ALL SELECT hex(zeroblob(450001))) a",
            "SELECT 'a' LIKE '%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b'",
            "SELECT 'a' GLOB '*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b'",
            "SELECT " + String(repeating: "(", count: 150) + "1" + String(repeating: ")", count: 150)
                + String(repeating: "+1", count: 150),
            "SELECT " + (0..<150).map { "\($0)" }.joined(separator: "+"),
            "SELECT " + (0..<150).map { "\($0)" }.joined(separator: ","),
            (0..<30).map { "SELECT \($0)" }.joined(separator: " UNION ALL "),
            "SELECT max(1, 2, 3, 4, 5, 6, 7, 8, 9)",
            "SELECT coalesce(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)",
            "SELECT ?1000",
            "SELECT '" + String(repeating: "x", count: 100_001) + "'",
        ])

    static let endless = HostileGroup(
        name: "endless", held: [.interruption],
        statements: [
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(a.i * b.i) FROM n a, n b",
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT 1 - i FROM n) SELECT i FROM n WHERE i > 5",
            """
            WITH n(i) AS (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) SELECT count(*) FROM n a, n b, n c, n d, n e, n f, \
            n g, n h, n i, n j
            """,
            """
            SELECT count(*) FROM goods a, goods b, goods c, goods d, goods e, goods f, goods g, goods h, goods i, goods j, \
            goods k, goods l, goods m, goods n, goods o, goods p, goods q, goods r, goods s, goods t, goods u, goods v, goods \
            w, goods x, goods y, goods z
            """,
            """
            WITH RECURSIVE n(i, t) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, substr(t || t, 1, 1000) FROM n) SELECT \
            max(length(t)) FROM n
            """,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) OVER () FROM n WHERE i % 2 = 2",
        ])

    /// Held by the bound on the engine's memory, whatever the layers.
    static let memory: [String] = [
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT i FROM n ORDER BY \
        printf('%0100d', i)
        """,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 8000000) SELECT count(*) FROM n",
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT count(DISTINCT printf('%0100d', \
        i)) FROM n
        """,
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT i, row_number() OVER (ORDER BY \
        -i) FROM n
        """,
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) SELECT printf('%0100d', i) AS k, \
        count(*) FROM n GROUP BY k
        """,
        (0..<22).reduce("WITH c0 AS (SELECT 1 AS x)") { $0 + ", c\($1 + 1) AS (SELECT a.x FROM c\($1) a, c\($1) b)" }
            + " SELECT * FROM c22",
    ]
}
