import Base
import Wire

/// The `tools` array of `tools/list`. It depends on the configuration alone, so it is written once per form.
struct ToolDescriptions {
    /// For 2025-06-18 and later: with `title` and `outputSchema`.
    let full: [UInt8]
    /// For older revisions.
    let plain: [UInt8]

    init(_ configuration: SQLConfiguration) {
        self.full = Self.array(configuration, isFull: true)
        self.plain = Self.array(configuration, isFull: false)
    }

    private static func array(_ configuration: SQLConfiguration, isFull: Bool) -> [UInt8] {
        var output: [UInt8] = [0x5B]
        for (index, tool) in SQLTool.allCases.enumerated() {
            if index > 0 { output.append(0x2C) }
            output.append("{\"name\":\"")
            output.append(tool.name)
            output.append("\",")
            if isFull {
                output.append("\"title\":\"")
                output.append(tool.title)
                output.append("\",")
            }
            output.append("\"description\":")
            output.appendJSON(string: tool.details)
            output.append(",\"inputSchema\":")
            self.appendInput(tool, configuration, to: &output)
            if isFull {
                output.append(",\"outputSchema\":")
                output.append(tool.outputSchema)
            }
            output.append(",\"annotations\":{\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,")
            output.append("\"openWorldHint\":false}}")
        }
        output.append(0x5D)
        return output
    }

    private static func appendInput(_ tool: SQLTool, _ configuration: SQLConfiguration, to output: inout [UInt8]) {
        output.append("{\"type\":\"object\",\"properties\":{")
        for (index, parameter) in ToolArguments.parameters(of: tool).enumerated() {
            if index > 0 { output.append(0x2C) }
            output.appendJSON(string: parameter)
            output.append(0x3A)
            self.appendParameter(parameter, tool, configuration, to: &output)
        }
        output.append("},\"required\":[")
        output.append(tool.requiredParameters)
        output.append("],\"additionalProperties\":false}")
    }

    private static func appendParameter(
        _ parameter: StaticString, _ tool: SQLTool, _ configuration: SQLConfiguration, to output: inout [UInt8]
    ) {
        switch parameter.description {
        case "database":
            output.append("{\"type\":\"string\",\"description\":\"A name from list_databases.")
            if tool == .executeQuery { output.append(" May be left out when there is only one.") }
            output.append("\",\"enum\":[")
            for (index, database) in configuration.databases.enumerated() {
                if index > 0 { output.append(0x2C) }
                output.appendJSON(string: database.name.span)
            }
            output.append("]}")
        case "schema":
            output.append("{\"type\":\"string\",\"description\":\"SQLite databases have one schema, main. Leave it out.\"}")
        case "view_name":
            output.append("{\"type\":\"string\",\"minLength\":1,\"description\":\"A name from list_views, spelled exactly.\"}")
        case "query":
            output.append("{\"type\":\"string\",\"minLength\":1,\"description\":\"One SELECT or WITH … SELECT statement ")
            output.append("in the SQLite dialect. Text values in single quotes, no parameters.\"}")
        default:
            output.append("{\"type\":\"integer\",\"minimum\":1,\"maximum\":")
            output.append(decimal: Int64(configuration.limits.rowsMax))
            output.append(",\"default\":")
            output.append(decimal: Int64(min(tool == .queryView ? 10 : 100, configuration.limits.rowsMax)))
            output.append(",\"description\":\"Most rows to return.\"}")
        }
    }
}

extension SQLTool {
    var title: StaticString {
        switch self {
        case .listDatabases: "List databases"
        case .listViews: "List views"
        case .describeView: "Describe a view"
        case .queryView: "Read rows of a view"
        case .executeQuery: "Run a SELECT query"
        }
    }

    var details: StaticString {
        switch self {
        case .listDatabases: "Lists the databases that can be queried, with their engine and schemas. Call it first."
        case .listViews: "Lists the views and tables of one database that can be queried, with their number of columns."
        case .describeView: "Lists the columns of one view or table with their declared types, in order."
        case .queryView:
            """
            Returns the first rows of one view or table, all columns. For a look at the data; use execute_query to filter, \
            join or aggregate.
            """
        case .executeQuery:
            "Runs one read-only SELECT statement and returns its rows. Names are those of list_views and describe_view."
        }
    }

    var requiredParameters: StaticString {
        switch self {
        case .listDatabases: ""
        case .listViews: "\"database\""
        case .describeView, .queryView: "\"database\",\"view_name\""
        case .executeQuery: "\"query\""
        }
    }

    var outputSchema: StaticString {
        switch self {
        case .listDatabases:
            """
            {"type":"object","properties":{"databases":{"type":"array","items":{"type":"object","properties":{\
            "name":{"type":"string"},"engine":{"type":"string"},"schemas":{"type":"array","items":{"type":"string"}}},\
            "required":["name","engine","schemas"]}}},"required":["databases"]}
            """
        case .listViews:
            """
            {"type":"object","properties":{"database":{"type":"string"},"views":{"type":"array","items":{"type":"object",\
            "properties":{"schema":{"type":"string"},"name":{"type":"string"},"type":{"type":"string","enum":["view","table"]},\
            "columns":{"type":"integer"}},"required":["schema","name","type","columns"]}}},"required":["database","views"]}
            """
        case .describeView:
            """
            {"type":"object","properties":{"database":{"type":"string"},"schema":{"type":"string"},"name":{"type":"string"},\
            "type":{"type":"string","enum":["view","table"]},"columns":{"type":"array","items":{"type":"object","properties":{\
            "name":{"type":"string"},"type":{"type":"string"},"notNull":{"type":"boolean"},"primaryKey":{"type":"boolean"}},\
            "required":["name","type","notNull","primaryKey"]}}},"required":["database","schema","name","type","columns"]}
            """
        case .queryView, .executeQuery:
            """
            {"type":"object","properties":{"columns":{"type":"array","description":"In the order of the values of a row.",\
            "items":{"type":"object","properties":{"name":{"type":"string"},"type":{"type":"string"}},"required":["name"]}},\
            "rows":{"type":"array","items":{"type":"array","items":{"description":"An integer beyond 2^53-1 is a decimal string; \
            a blob is an object with base64.","anyOf":[{"type":"number"},{"type":"string"},{"type":"null"},{"type":"object",\
            "properties":{"base64":{"type":"string"}},"required":["base64"]}]}}},"rowCount":{"type":"integer"},\
            "truncated":{"type":"boolean","description":"Whether there are more rows than these."},\
            "truncatedBy":{"type":"string","enum":["limit","size"]}},"required":["columns","rows","rowCount","truncated"]}
            """
        }
    }
}
