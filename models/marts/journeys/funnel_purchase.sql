{{ madang.funnel() }}
