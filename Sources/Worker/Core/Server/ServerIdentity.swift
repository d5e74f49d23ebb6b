/// How the worker names itself to clients.
public enum ServerIdentity {
    public static let version: StaticString = "0.1.0"

    /// `serverInfo` for revisions that know `title` (2025-06-18 and later).
    static let modernInfo: StaticString =
        "{\"name\":\"mcp-worker-sql\",\"title\":\"SQL databases (read-only)\",\"version\":\"0.1.0\"}"
    static let plainInfo: StaticString = "{\"name\":\"mcp-worker-sql\",\"version\":\"0.1.0\"}"

    static let instructions: StaticString = """
        Read-only SQL access. Start with list_databases, then list_views and describe_view to learn names and columns; \
        query_view reads the first rows of one view; execute_query runs one SELECT statement in the SQLite dialect. \
        Results are cut at `limit` rows and say so in `truncated`.
        """
}
