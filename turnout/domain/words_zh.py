"""Sentences in Chinese, by code. The same codes and placeholders as in English."""

SENTENCES = {
    "prepared": "{version} 已入库:{checked}。",
    "ready": "{version} 在 {took} 后就绪。",
    "verified": "验证通过:{findings}。",
    "warm": "{version} 预热完成,用时 {took}。",
    "step.up": "流量由 {before} 提高到 {after}:候选实例就绪 {ready}/{wanted}。",
    "watching": "{weight} 的请求进入 {version};至少观察 {hold}。",
    "step.passed": "第 {step}/{last_step} 步({weight})通过。{took}、{version} 上 {requests} 次"
    "请求后,{figures}。",
    "passed": "最后一步通过。{took}、{version} 上 {requests} 次请求后,{figures}。",
    "promoted": "{version} 已成为稳定版本。{steps},{length},期间 {exposed} 次请求到达它。{kept}",
    "baked": "{took} 内没有指标变差;{stable} 下线。",
    "bake.ended": "{by} 结束了稳定期观察:{stable} 现在下线。",
    "retired": "{stable} 已结束,不再运行。",
    "back": "流量由 {before} 退回到 {after}。",
    "undone": "所有用户都在 {stable} 上;{version} 在 {took} 后结束。",
    "undone.first": "{version} 在 {took} 后结束;该服务目前没有版本。",
    "waiting.approval": "在 {weight} 等待对 {version} 的审批。",
    "approved": "继续:{approver} 已审批。",
    "approval.given": "{by} 审批了 {version}。",
    "paused.undecided": "已在 {weight} 暂停:{undecided}。请人工决定:提升、继续等待"
    "(`resume`)或中止。",
    "paused.worse": "已在 {weight} 暂停:{worse}。请人工决定:提升或中止。",
    "paused.limit": "已在 {weight} 暂停:{broken},且 {stable} 同样超限。",
    "paused.person": "{by} 在 {weight} 暂停{reason}。",
    "resumed": "{by} 在 {weight} 恢复。",
    "aborted": "{by} 在 {weight} 中止{reason}。所有用户回到 {stable}。",
    "superseded": "另一版本取而代之;所有用户回到 {stable}。",
    "overruled": "{by} 跳过了剩余的停留时间{reason}。",
    "refused": "{version} 在接触用户之前被拒绝:{findings}。",
    "rolledback.worse": "已从 {weight} 回滚到 {stable}。{requests} 次请求后,{worse}。"
    "{exposed} 次用户请求到达 {version}。{version} 已隔离,须人工解除。",
    "rolledback.limit": "已从 {weight} 回滚到 {stable}:{broken}。{exposed} 次用户请求"
    "到达 {version}。",
    "rolledback.breakage": "已从 {weight} 回滚到 {stable}:{breakage}。{exposed} 次用户请求到达 "
    "{version}。",
    "rolledback.crashed": "已回滚:{version} 始终未就绪({exit})。",
    "rolledback.failed": "已回滚:{findings}。",
    "rolledback.undecided": "已从 {weight} 回滚到 {stable}:{took} 内{undecided}。",
    "rolledback.no_evidence": "已从 {weight} 回滚到 {stable}:{took} 内无法读取依据。",
    "rolledback.timed_out": "已回滚:{phase} 在 {took} 后仍未结束。",
    "rolledback.not_approved": "已回滚:{took} 内无人审批 {version}。",
}

WHY = {
    "held.time": "停留在 {weight}:停留时间 {hold} 尚未结束。",
    "held.undecided": "停留在 {weight}:{undecided};{needed}。",
    "held.unused": "停留在 {weight}:无人使用该服务,{hold} 内 0 次请求,无从判断。"
    "若要在没有依据的情况下继续:`turnout promote {service} --reason …`。",
    "held.blind": "停留在 {weight}:无法读取依据。没有依据时既不前进也不回退。",
    "started": "{release} 开始:{environment} 环境 {stable} -> {version},由 {by} 申请{reason}。",
    "first": "{release} 开始:{version} 是 {service} 的首次发布,无可比较;"
    "仅由上下限和明显故障决定。由 {by} 申请{reason}。",
}

WORDS = {
    "reason": ':"{why}"',
    "none": "无版本",
    "exit.unknown": "没有任何输出",
    "breakage.probes": "在服务用户时,健康探针连续失败 {n} 次",
    "nothing": "无",
    "steps.one": "{n} 个步骤",
    "steps.many": "{n} 个步骤",
    "checked": "摘要 {digest}",
    "kept": "{stable} 保持预热 {bake}。",
    "kept.first": "这是首个版本。",
    "figures.none": "{weight} 时已无可比较,未超出任何上下限",
    "figures": "{n} 项指标中 {n} 项未变差:{list}",
    "figure": "{name} {difference}{band}(上限 {limit})",
    "worse": "{name} 变差:{stable} -> {candidate},{difference}{band},上限 {limit}",
    "worse.count": "{name} 变差:{n} 次请求中 {x} 次失败{age},{stable_version} 为 "
    "{stable_n} 次中 {stable_x} 次",
    "age": "({age} 内)",
    "broken": "{name} {candidate} 超过上限 {maximum}",
    "undecided": "{name} 尚无结论,{difference}{band},上限 {limit}",
    "undecided.none": "数据不足",
    "needed": "约需再有 {n} 次请求",
    "needed.none": "还需要更多请求",
    "breakage.exit": "候选版本在服务用户时结束({exit})",
    "breakage.errors": "它的大多数请求失败,而 {stable} 没有",
    "golden": "黄金测试集 `{name}` 的 {figure} 为 {value}{rows},下限或上限 {limit}{stable}",
    "golden.ok": "{name} {figure} {value}",
    "golden.rows": "({rows} 行中 {hits} 行)",
    "golden.stable": ";{stable_version} 为 {value}",
    "finding": "{text}",
}
