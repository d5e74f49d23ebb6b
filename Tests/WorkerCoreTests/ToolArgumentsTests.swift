import Base
import Testing
import Wire

@testable import WorkerCore

@Suite struct ToolArgumentsTests {
    /// Tool, arguments, what the text must say.
    static let refusals: [(String, String, String)] = [
        ("list_databases", "{\"x\":1}", "`x` is not a parameter"),
        ("list_views", "{}", "`database` is required"),
        ("list_views", "{\"database\":7}", "`database` must be a string"),
        ("list_views", "{\"database\":null}", "`database` must be a string"),
        ("list_views", "{\"database\":\"\"}", "`database` must not be empty"),
        ("list_views", "{\"database\":\"nope\"}", "no database `nope`. Databases: `a`, `b`."),
        ("list_views", "{\"database\":\"A\"}", "no database `A`"),
        ("list_views", "{\"database\":\"a\",\"schema\":\"temp\"}", "no schema `temp`"),
        ("list_views", "{\"database\":\"a\",\"limit\":3}", "`limit` is not a parameter"),
        ("describe_view", "{\"database\":\"a\"}", "`view_name` is required"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"\"}", "`view_name` must not be empty"),
        ("query_view", "{\"database\":\"a\",\"view_name\":[\"v\"]}", "`view_name` must be a string"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":0}", "`limit` must be an integer from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":1001}", "from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":-1}", "from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":1.5}", "from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":\"5\"}", "from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":99999999999999999999}", "from 1 to 1000"),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":true}", "from 1 to 1000"),
        ("execute_query", "{}", "`query` is required"),
        ("execute_query", "{\"query\":\"\"}", "`query` must not be empty"),
        ("execute_query", "{\"query\":\"SELECT 1\"}", "several databases"),
        ("execute_query", "{\"query\":\"SELECT 1\",\"database\":\"a\",\"parameters\":[]}", "`parameters` is not a parameter"),
    ]

    @Test(arguments: ToolArgumentsTests.refusals)
    func `arguments against the schema are an error result that says why`(_ tool: String, _ arguments: String, _ says: String)
        throws
    {
        var harness = Harness(["a", "b"])
        let answer = try harness.ask(harness.call("1", tool, arguments))
        #expect(answer["result"]?["isError"] == true)
        #expect(answer["result"]?["structuredContent"] == nil)
        let said = answer["result"]?["content"]?[0]?["text"]?.stringValue ?? ""
        #expect(said.contains(says), "\(said)")
        #expect(harness.effects.isEmpty)
    }

    @Test(arguments: [
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\"}", 10),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":null,\"schema\":null}", 10),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":1000,\"schema\":\"main\"}", 1000),
        ("execute_query", "{\"query\":\"q\"}", 100), ("execute_query", "{\"query\":\"q\",\"database\":null}", 100),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":7.0}", 7),
        ("query_view", "{\"database\":\"a\",\"view_name\":\"v\",\"limit\":1e1}", 10),
        ("execute_query", "{\"query\":\"q\",\"limit\":1}", 1), ("execute_query", "{\"qu\\u0065ry\":\"q\"}", 100),
    ])
    func `what is left out has its default`(_ tool: String, _ arguments: String, _ limit: Int) throws {
        var harness = Harness(["a"])
        #expect(harness.send(harness.call("1", tool, arguments)).isEmpty)
        guard case .start(_, let call)? = harness.effects.first else { throw Missing() }
        #expect(call.limit == limit)
        #expect(call.database == 0)
        #expect(call.viewName == (tool == "query_view" ? bytes("v") : []))
        #expect(call.query == (tool == "execute_query" ? bytes("q") : []))
    }

    struct Missing: Error {}

    @Test func `names and texts are unescaped`() throws {
        var harness = Harness(["a"])
        _ = harness.send(harness.call("1", "query_view", "{\"database\":\"\\u0061\",\"view_name\":\"Zo\\u00eb \\\"x\\\"\"}"))
        guard case .start(_, let call)? = harness.effects.first else { throw Missing() }
        #expect(call.viewName == bytes("Zoë \"x\""))
    }
}
