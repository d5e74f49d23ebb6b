import Base
import Testing
import Wire

@testable import WorkerCore

@Suite struct ToolDescriptionsTests {
    private func tools(_ names: [String] = ["sample"]) throws -> [JSONValue] {
        var harness = Harness(names)
        return try harness.ask(harness.modern("1", "tools/list"))["result"]?["tools"]?.elements ?? []
    }

    @Test func `the five tools are there, each complete`() throws {
        let tools = try self.tools()
        #expect(
            tools.map { $0["name"]?.stringValue } == [
                "list_databases", "list_views", "describe_view", "query_view", "execute_query",
            ])
        for tool in tools {
            #expect(tool.keys == ["name", "title", "description", "inputSchema", "outputSchema", "annotations"])
            #expect(tool["inputSchema"]?["type"] == "object")
            #expect(tool["inputSchema"]?["additionalProperties"] == false)
            #expect(tool["outputSchema"]?["type"] == "object")
            #expect(tool["annotations"]?["readOnlyHint"] == true)
            #expect(tool["annotations"]?["idempotentHint"] == true)
            #expect(tool["annotations"]?["openWorldHint"] == false)
            for required in tool["inputSchema"]?["required"]?.elements ?? [] {
                #expect(tool["inputSchema"]?["properties"]?[required.stringValue ?? ""] != nil)
            }
        }
    }

    @Test func `database is one of the configured names`() throws {
        let names = try self.tools(["a", "b"])[1]["inputSchema"]?["properties"]?["database"]?["enum"]
        #expect(names == ["a", "b"])
    }

    @Test func `results conform to the output schemas`() throws {
        let tools = try self.tools()
        var results: [[UInt8]] = [[], [], [], []]
        let style = ResultStyle(isStructured: true, isModern: true)
        CatalogueResult.appendDatabases([bytes("sample"), bytes("other")], style, to: &results[0])
        let view = ViewDescription(
            name: bytes("v|\"x"), kind: .view,
            columns: [
                .init(name: bytes("a"), type: [], isNotNull: false, isPrimaryKey: true),
                .init(name: bytes("b\n"), type: bytes("TEXT"), isNotNull: true, isPrimaryKey: false),
            ])
        CatalogueResult.appendViews([view, view], database: bytes("sample"), bytesMax: 1 << 20, style, to: &results[1])
        CatalogueResult.appendDescription(view, database: bytes("sample"), style, to: &results[2])
        let header = TableHeader([.init(name: bytes("a"), type: bytes("T")), .init(name: bytes("b"), type: [])])
        var writer = TableWriter(bytesMax: 1 << 20)
        writer.begin(header, style)
        let values: [(inout TableWriter) -> Void] = [
            { $0.integer(.max) }, { $0.real(.infinity) }, { $0.text(bytes("x").span) }, { $0.blob([1].span) }, { $0.null() },
            { $0.real(0.5) },
        ]
        for value in values {
            value(&writer)
            writer.integer(1)
            let isWhole = writer.endRow()
            #expect(isWhole)
        }
        writer.finish(header, .limit, to: &results[3])
        for (index, result) in results.enumerated() {
            let content = try #require(try json(text(result))["structuredContent"])
            let schema = try #require(tools[index]["outputSchema"])
            #expect(violations(content, schema) == [])
        }
    }

    @Test func `a long catalogue is cut at the limit of bytes`() throws {
        let views = (0..<1_000).map { ViewDescription(name: bytes("view_\($0)"), kind: .table, columns: []) }
        var output: [UInt8] = []
        CatalogueResult.appendViews(
            views, database: bytes("d"), bytesMax: 8_000, ResultStyle(isStructured: true, isModern: false), to: &output)
        #expect(output.count < 9_000)
        let result = try json(text(output))
        #expect((1..<1_000).contains(result["structuredContent"]?["views"]?.elements.count ?? 0))
        #expect(result["content"]?[0]?["text"]?.stringValue?.contains("did not fit") == true)
    }
}
