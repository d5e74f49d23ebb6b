import Base

/// How the worker names itself to clients.
public enum ServerIdentity {
    public static var version: StaticString { Product.version }

    /// `serverInfo`. Revisions from 2025-06-18 on know `title`.
    static func append(withTitle: Bool, to output: inout [UInt8]) {
        output.append("{\"name\":\"mcp-worker-sql\"")
        if withTitle { output.append(",\"title\":\"SQL databases (read-only)\"") }
        output.append(",\"version\":\"")
        output.append(Product.version)
        output.append("\"}")
    }

    static let instructions: StaticString = """
        Read-only SQL access. Start with list_databases, then list_views and describe_view to learn names and columns; \
        query_view reads the first rows of one view; execute_query runs one SELECT statement in the SQLite dialect. \
        Results are cut at `limit` rows and say so in `truncated`.
        """
}
