/// The five tools of the `sql` toolset.
public enum SQLTool: UInt8, CaseIterable, Sendable {
    case listDatabases, listViews, describeView, queryView, executeQuery

    public var name: StaticString {
        switch self {
        case .listDatabases: "list_databases"
        case .listViews: "list_views"
        case .describeView: "describe_view"
        case .queryView: "query_view"
        case .executeQuery: "execute_query"
        }
    }
}

/// One valid call: every argument has its type and range, and `database` exists. Whether the view exists only the engine knows.
public struct ToolCall: Equatable, Sendable {
    public let tool: SQLTool
    /// Index into the configured databases. 0 for `list_databases`.
    public var database = 0
    /// Of `describe_view` and `query_view`.
    public var viewName: [UInt8] = []
    /// Of `execute_query`.
    public var query: [UInt8] = []
    /// Most rows of the answer.
    public var limit = 0
    public var style: ResultStyle

    public init(tool: SQLTool, style: ResultStyle) {
        self.tool = tool
        self.style = style
    }
}

/// What the call's revision lets a result hold.
public struct ResultStyle: Equatable, Sendable {
    /// From 2025-06-18 on: `structuredContent`, `outputSchema` and `title`.
    public let isStructured: Bool
    /// From 2026-07-28 on: `resultType` and the server's name in `_meta`.
    public let isModern: Bool

    public init(isStructured: Bool, isModern: Bool) {
        self.isStructured = isStructured
        self.isModern = isModern
    }
}
