{{ funnel() }}
