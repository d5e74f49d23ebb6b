public import Base

/// Why a call has no rows. Becomes a result with `isError`, whose text is for the model that asked: what was wrong, and what it
/// can do. Holds nothing the caller may not see: no paths, no hidden names, no words of the engine about the real database.
public enum ToolFailure: Error, Equatable, Sendable {
    /// An argument is missing, unknown or out of range.
    case argument(name: [UInt8], ArgumentProblem)
    case argumentRange(name: [UInt8], lower: Int, upper: Int)
    case databaseNeeded(known: [[UInt8]])
    case unknownDatabase(name: [UInt8], known: [[UInt8]])
    case unknownSchema(name: [UInt8])
    /// `near` are allowed names that look alike, best first; when none does, the first few.
    case unknownView(name: [UInt8], near: [[UInt8]])
    /// The view is there but its own text does not compile.
    case brokenView(name: [UInt8])

    case emptyQuery
    case severalStatements
    case notReadOnly
    case explain
    case noColumns
    case parameters
    case queryTooLong(bytesMax: Int)
    case zeroByte
    /// The query needs something that is not on the list. `name` is its own word.
    case functionDenied(name: [UInt8])
    /// A table-valued function. `name` as the query spells it.
    case tableFunctionDenied(name: [UInt8])
    case actionDenied
    /// `message` is the shadow engine's, which knows only what the caller may see.
    case rejected(message: [UInt8])
    case unknownTable(name: [UInt8], near: [[UInt8]])
    case unknownColumn(name: [UInt8], views: [ViewColumns])

    case timeout(Interval)
    case valueTooLarge
    case rowTooLarge(bytesMax: Int)
    case memory
    case busy
    case unavailable
    case cancelled
    /// A run-time error of the query itself, in fixed words.
    case runtime(message: [UInt8])
    case engine(code: Int32)
    case overloaded

    public enum ArgumentProblem: Equatable, Sendable {
        case missing, notString, unknown, empty

        var text: StaticString {
            switch self {
            case .missing: "is required"
            case .notString: "must be a string"
            case .unknown: "is not a parameter of this tool"
            case .empty: "must not be empty"
            }
        }
    }

    public struct ViewColumns: Equatable, Sendable {
        public let view: [UInt8]
        public let columns: [[UInt8]]

        public init(view: [UInt8], columns: [[UInt8]]) {
            self.view = view
            self.columns = columns
        }
    }
}
