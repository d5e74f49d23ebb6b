public import Base

/// What the driver must do after an event. Answers and notifications are no effects: they are bytes appended to the output.
public enum ServerEffect: Equatable, Sendable {
    /// Run the call and report `callFinished`, whatever happens to it.
    case start(SlotKey, ToolCall)
    /// Stop a started call early. It still reports `callFinished`.
    case cancel(SlotKey)
}

/// How a call ended, beside its result.
public struct CallReport: Equatable, Sendable {
    public var rows = 0
    /// Nil for a result with rows.
    public var failure: ToolFailure?

    public init() {}
}
