import Base

extension ToolFailure {
    /// Most names listed in one text.
    private static let namesMax = 40

    /// The text for the caller, as UTF-8 that may still need replacement of malformed bytes.
    public var text: [UInt8] {
        var text: [UInt8] = []
        self.appendText(to: &text)
        return text
    }

    private func appendText(to text: inout [UInt8]) {
        switch self {
        case .argument(let name, let problem):
            text.append("Invalid arguments: `")
            text.append(contentsOf: name)
            text.append("` ")
            text.append(problem.text)
            text.append(".")
        case .argumentRange(let name, let lower, let upper):
            text.append("Invalid arguments: `")
            text.append(contentsOf: name)
            text.append("` must be an integer from ")
            text.append(decimal: Int64(lower))
            text.append(" to ")
            text.append(decimal: Int64(upper))
            text.append(".")
        case .databaseNeeded(let known):
            text.append("Invalid arguments: there are several databases, so `database` must name one of them: ")
            Self.append(names: known, to: &text)
        case .unknownDatabase(let name, let known):
            Self.append("There is no database ", name, to: &text)
            text.append(" Databases: ")
            Self.append(names: known, to: &text)
        case .unknownSchema(let name):
            Self.append("There is no schema ", name, to: &text)
            text.append(" A SQLite database has one schema, `main`; leave `schema` out.")
        case .unknownView(let name, let near), .unknownTable(let name, let near):
            self.appendUnknown(name, near, to: &text)
        case .brokenView(let name):
            Self.append("The definition of this view is broken in the database: ", name, to: &text)
            text.append(" It reads a table, column or function that is not available. Use another view.")
        case .unknownColumn(let name, let views):
            self.appendUnknownColumn(name, views, to: &text)
        case .functionDenied(let name):
            Self.append("This function is not available here: ", name, to: &text)
            text.append(" Use the usual scalar, aggregate, window, date, JSON and mathematical functions.")
        case .tableFunctionDenied(let name):
            Self.append("This table-valued function is not available here: ", name, to: &text)
            text.append(" Use describe_view for the columns of a view and list_views for the views there are.")
            text.append(" Of such functions a query may use json_each and json_tree.")
        case .rejected(let message):
            text.append("The query was not accepted: ")
            text.append(contentsOf: message)
            text.append(". Correct it and call execute_query again.")
        case .runtime(let message):
            text.append("The query failed while it ran: ")
            text.append(contentsOf: message)
            text.append(".")
        default: self.appendFixedText(to: &text)
        }
    }

    private func appendFixedText(to text: inout [UInt8]) {
        switch self {
        case .emptyQuery: text.append("The query is empty. Send one SELECT statement.")
        case .severalStatements: text.append("Only one statement is allowed per call. Send the statements one by one.")
        case .notReadOnly: text.append("Only reading is allowed. Send one SELECT (or WITH … SELECT) statement.")
        case .explain:
            text.append("EXPLAIN is not available. Use describe_view for the columns of a view, or send the SELECT itself.")
        case .noColumns: text.append("This statement gives no rows. Send one SELECT (or WITH … SELECT) statement.")
        case .parameters:
            text.append("The query has parameters (such as ? or :name), which cannot be bound. Write the values into the query.")
        case .queryTooLong(let bytesMax):
            text.append("The query is too long: at most ")
            text.append(decimal: Int64(bytesMax))
            text.append(" bytes are accepted.")
        case .zeroByte: text.append("The query contains a zero byte. Remove it.")
        case .actionDenied:
            text.append("This statement does something that is not allowed here. Only SELECT over the listed views is.")
        case .timeout(let limit):
            text.append("The query was stopped after ")
            text.append(decimal: limit.nanoseconds / 1_000_000)
            text.append(" ms, the time limit. Narrow it: fewer rows, a more selective WHERE, no cross joins.")
        case .valueTooLarge:
            text.append("A value, or the query, is larger than the engine's limits here (1,000,000 bytes for a value). ")
            text.append("Use substr() or leave the column out; split a very large expression.")
        case .rowTooLarge(let bytesMax):
            text.append("The first row alone is larger than the result limit of ")
            text.append(decimal: Int64(bytesMax))
            text.append(" bytes. Select fewer columns, or shorten long values with substr().")
        case .memory: text.append("The query needs more memory than is allowed. Sort or group fewer rows, or add a WHERE clause.")
        case .busy: text.append("The database is being written to at this moment. Try again.")
        case .unavailable: text.append("The database is not available at the moment.")
        case .cancelled: text.append("The call was cancelled.")
        case .engine(let code):
            text.append("The database engine refused the query (SQLite result code ")
            text.append(decimal: Int64(code))
            text.append(").")
        case .overloaded: text.append("Too many calls are waiting. Try again in a moment.")
        default: text.append("The call failed.")
        }
    }

    private func appendUnknown(_ name: [UInt8], _ near: [[UInt8]], to text: inout [UInt8]) {
        Self.append("There is no view or table ", name, to: &text)
        if near.isEmpty {
            text.append(" Nothing is available in this database.")
        } else {
            text.append(" Available: ")
            Self.append(names: near, to: &text)
            text.append(" list_views gives all of them.")
        }
    }

    private func appendUnknownColumn(_ name: [UInt8], _ views: [ViewColumns], to text: inout [UInt8]) {
        Self.append("There is no column ", name, to: &text)
        for view in views {
            text.append(" Columns of `")
            text.append(contentsOf: view.view)
            text.append("`: ")
            Self.append(names: view.columns, to: &text)
        }
        if views.isEmpty { text.append(" describe_view gives the columns of a view.") }
        text.append(" Text values are written in single quotes.")
    }

    private static func append(_ start: StaticString, _ name: [UInt8], to text: inout [UInt8]) {
        text.append(start)
        text.append("`")
        text.append(contentsOf: name)
        text.append("`.")
    }

    private static func append(names: [[UInt8]], to text: inout [UInt8]) {
        for (index, name) in names.prefix(self.namesMax).enumerated() {
            text.append(index == 0 ? "`" : ", `")
            text.append(contentsOf: name)
            text.append("`")
        }
        text.append(names.count > self.namesMax ? ", …" : ".")
    }
}
