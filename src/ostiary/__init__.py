"""Deploy Microsoft Entra Conditional Access policies as code."""
